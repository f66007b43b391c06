"""What the main screen does with the dials beyond turning them: which there are, how they act, and what they do."""

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on, work

from steer_tui.domain import Dial, Feature, InvalidValue, Method, Unsupported, safe_line
from steer_tui.engines.registry import FILE_ENGINES
from steer_tui.generation import Deadlines, LaneState
from steer_tui.generation.delivery import Sleep
from steer_tui.generation.rack import Rack
from steer_tui.tui.keys import key_of
from steer_tui.tui.screens.services import ServiceScreen
from steer_tui.tui.widgets.dial_note import DialNote, strength_words
from steer_tui.tui.widgets.rack import DialRack
from steer_tui.tui.wording import FILE_NAMING, method_words

if TYPE_CHECKING:
    from steer_tui.generation.sweep import SweepPlan


FRAME_CELLS = 6
"""Cells of a frame's line that its words cannot have."""


class DiallingScreen(ServiceScreen):
    """Adds dials, undoes, chooses the method and sweeps."""

    _sleep: Sleep
    _deadlines: Deadlines

    _priced: "SweepPlan | None" = None
    """The sweep of which the person was told how many requests it takes."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer a choice among methods where there is more than one."""
        if action == "method":
            return len(self.engine.info.methods) > 1
        return super().check_action(action, parameters)

    # What is shown

    def _show_dials(self, lane: LaneState) -> None:
        rack, frame, method = self.query_one(DialRack), self.query_one("#dials"), self.controller.inputs.method
        rack.show_activations(lane.transcript)
        if not rack.rack.dials:
            naming = f"A dial is {FILE_NAMING}." if self.engine.info.name in FILE_ENGINES else ""
            rack.invitation = f"No dial yet: {key_of(self, 'main.add')} adds one. {naming}".strip()
        title = "Dials" if method is Method.ADDITIVE else f"Dials · {method_words(method)}"
        note = "activations re-read, unsteered" if rack.is_reread else self._advice(rack.rack)
        if rack.rows_a_dial == 1:  # there is no line for more on the chosen dial, and none for activations
            note = self._strength(rack.chosen_dial, method, frame.size.width)
        if (title, note) != (frame.border_title, frame.border_subtitle or ""):  # setting them draws the frame
            frame.border_title, frame.border_subtitle = title, note

    def _advice(self, rack: Rack) -> str:
        turned = sum(dial.is_on for dial in rack.dials)
        if turned < 2 or rack.method is not Method.ADDITIVE or Method.PIN not in self.engine.info.methods:
            return ""
        return f"{key_of(self, 'main.method')} to pin: both share the text"

    def _strength(self, dial: Dial | None, method: Method, width: int) -> str:
        if dial is None:
            return ""
        words = strength_words(dial, method)
        whole = " · ".join(words)
        return whole if len(whole) <= width - FRAME_CELLS else words[0]

    @on(DialRack.Changed)
    def _dials_turned(self, event: DialRack.Changed) -> None:
        rack = event.dial_rack.rack
        self.query_one(DialNote).method = rack.method
        self.controller.change(replace(self.controller.inputs, dials=rack.dials, method=rack.method))

    @on(DialRack.Chosen)
    def _dial_chosen(self, event: DialRack.Chosen) -> None:
        self.query_one(DialNote).dial = event.dial
        self._note_change()

    # What is done

    def action_undo(self) -> None:
        """Take the latest change of the dials back, and with it that of the method."""
        rack = self.query_one(DialRack)
        rack.change(rack.rack.undo())

    def action_reset(self) -> None:
        """Turn every dial to 0."""
        rack = self.query_one(DialRack)
        rack.change(rack.rack.reset())

    def action_method(self) -> None:
        """Steer by the next method that the engine has."""
        rack, methods = self.query_one(DialRack), self.engine.info.methods
        now = methods.index(rack.rack.method) if rack.rack.method in methods else -1
        rack.change(rack.rack.steer_by(methods[(now + 1) % len(methods)]))

    def action_features(self) -> None:
        """Show the evidence for what the chosen dial does, and all other features."""
        dial = self.query_one(DialRack).chosen_dial
        self._browse_features(dial.feature if dial else None)

    def action_add(self) -> None:
        """Show the features that have no dial yet, to put one on."""
        self._browse_features(None)

    @work(group="features", exclusive=True, exit_on_error=False)
    async def _browse_features(self, start: Feature | None) -> None:
        from steer_tui.tui.screens.features import FeaturesScreen

        self._want_engine()
        rack, clock = self.query_one(DialRack), self.controller.clock
        dialled = [dial.feature for dial in rack.rack.dials]
        screen = FeaturesScreen(self.engine, dialled, start, clock=clock, sleep=self._sleep)
        feature = await self.app.push_screen_wait(screen)
        if feature is not None:
            rack.change(rack.rack.add(feature))
            rack.chosen = rack.rack.index_of(feature) or 0
            rack.focus()

    def action_sweep(self) -> None:
        """Measure what the chosen dial does at many values."""
        from steer_tui.generation.sweep import charge_of
        from steer_tui.tui.screens.sweep import SweepScreen, plan_sweep

        dial = self.query_one(DialRack).chosen_dial
        if dial is None:
            words = f"There is no dial to sweep yet: {key_of(self, 'main.add')} adds one."
            self.notify(words, severity="warning", markup=False)
            return
        try:
            plan = plan_sweep(self.engine, dial, self.controller.inputs)
        except (InvalidValue, Unsupported) as error:
            self.notify(safe_line(str(error)), severity="warning", markup=False)
        else:
            charge = charge_of(self.engine, plan)
            if charge is None or self._priced == plan:
                self._want_engine()
                self.app.push_screen(SweepScreen(self.engine, plan, self._deadlines))
            else:
                self._priced = plan
                words = (
                    f"This sweep takes {charge} requests of the service: {key_of(self, 'main.sweep')} again begins it."
                )
                self.notify(words, markup=False)
