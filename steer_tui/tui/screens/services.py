"""What the main screen can do because a service stands behind the engine."""

import asyncio
from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.screen import Screen

from steer_tui.domain import Dial, Feature, Lane, Method, SteerError, safe_line
from steer_tui.engines import Engine, Reading, Rereads
from steer_tui.engines.services import ChargesRereads, OffersModels, OffersPresets, Preset, Publishes
from steer_tui.generation import Controller
from steer_tui.generation.rack import Rack
from steer_tui.tui.screens.finding import PATIENCE, error_words, find_page
from steer_tui.tui.widgets.prompt import PromptBox
from steer_tui.tui.widgets.publication import PublicationNote
from steer_tui.tui.widgets.rack import DialRack

OFFERED = 4
"""How many of the engine's features stand for a choice that nobody made."""

FIRST_VALUE = 4.0
"""Where the first of them stands, so that two different texts show."""


class ServiceScreen(Screen[None]):
    """Offers each of its actions where the engine has what it needs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "presets", "presets", id="main.presets"),
        Binding("o", "models", "models", id="main.models"),
        Binding("i", "reread", "re-read", id="main.reread"),
        Binding("c", "copy_link", "copy link", id="main.copy-link"),
    ]

    engine: Engine
    controller: Controller

    _methods: tuple[tuple[tuple[Dial, ...], Method], ...] = ()
    """The dials that presets have replaced, and the method that went with them, for undo."""
    _knows_cost = False
    """Whether the person was told what a re-read costs."""

    def _note_change(self) -> None:
        """Something has changed that the screen shows."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what this engine has, and a link once there is one."""
        match action:
            case "copy_link":
                return self._link is not None
            case "presets":
                return isinstance(self.engine, OffersPresets)
            case "models":
                return isinstance(self.engine, OffersModels)
            case "reread":
                return self._can_reread
            case _:
                return True

    # What is public

    @property
    def _link(self) -> str | None:
        """Where everybody can read the latest text."""
        return self.engine.latest_link if isinstance(self.engine, Publishes) else None

    def action_copy_link(self) -> None:
        """Copy the address at which everybody can read the latest text."""
        if self._link is not None:
            link = safe_line(self._link)
            self.app.copy_to_clipboard(link)
            self.notify(f"{link} was sent to the terminal's clipboard (OSC 52).", markup=False)

    @property
    def _tells_publication(self) -> bool:
        return any(note.display for note in self.query(PublicationNote))

    def _hide_publication(self) -> None:
        for note in self.query(PublicationNote):
            note.display = False

    # What there is to choose

    @work(group="offer", exit_on_error=False)
    async def offer_dials(self) -> None:
        """Put dials on the engine's first features, the first of them turned, unless the person was quicker."""
        try:
            found = await find_page(self.engine, "")
        except SteerError as error:
            self.notify(f"There are no dials yet: {error_words(error)}", severity="warning", markup=False)
            return
        rack = self.query_one(DialRack)
        if not rack.rack.dials and not rack.rack.past:
            first = found.features[:OFFERED]
            dials = tuple(Dial(feature, 0.0 if place else FIRST_VALUE) for place, feature in enumerate(first))
            rack.rack = Rack(dials)
            self.controller.inputs = replace(self.controller.inputs, dials=dials)  # generates nothing by itself

    @work(group="presets", exclusive=True, exit_on_error=False)
    async def action_presets(self) -> None:
        """Choose features with their values that somebody found worth keeping."""
        from steer_tui.tui.screens.presets import PresetsScreen

        if isinstance(self.engine, OffersPresets):
            preset = await self.app.push_screen_wait(PresetsScreen(self.engine))
            if preset is not None:
                self._take(preset)

    def _take(self, preset: Preset) -> None:
        if preset.method not in self.engine.info.methods:
            self.notify(f"This engine does not steer by the method {preset.method.value}.", severity="warning")
            return
        rack, box, inputs = self.query_one(DialRack), self.query_one(PromptBox), self.controller.inputs
        before = rack.rack
        if preset.dials:
            dials = tuple(Dial(feature, value) for feature, value in preset.dials)
            self._methods += ((before.dials, inputs.method),)
            inputs = replace(inputs, dials=dials, method=preset.method)
        if preset.prompt is not None:
            inputs = replace(inputs, prompt=preset.prompt)
        self.controller.change(inputs)
        if preset.dials:
            rack.change(Rack(inputs.dials, (*before.past, before.dials)))
            rack.focus()
        if preset.prompt is not None:
            box.replace(preset.prompt, (0, 0), box.document.end)

    def action_undo(self) -> None:
        """Take the latest change of the dials back, and with a preset its method."""
        rack = self.query_one(DialRack)
        rack.change(rack.rack.undo())
        if self._methods and self._methods[-1][0] is rack.rack.dials:
            method = self._methods[-1][1]
            self._methods = self._methods[:-1]
            self.controller.change(replace(self.controller.inputs, dials=rack.rack.dials, method=method))

    def action_models(self) -> None:
        """Show which models and sources there are, and how another one is opened."""
        from steer_tui.tui.screens.models import ModelsScreen

        if isinstance(self.engine, OffersModels):
            self.app.push_screen(ModelsScreen(self.engine, self.engine.info))

    # Activations that no stream told

    @property
    def _can_reread(self) -> bool:
        transcript = self.controller.state.lanes[Lane.STEERED].transcript
        has_more_to_tell = bool(len(transcript)) and not transcript.activations
        return isinstance(self.engine, Rereads) and has_more_to_tell and bool(self.controller.inputs.dials)

    def action_reread(self) -> None:
        """Read the steered text anew for the activations of the dials' features, once it is known what that costs."""
        features = self.controller.inputs.watched
        if isinstance(self.engine, ChargesRereads) and not self._knows_cost:
            self._knows_cost = True
            words = f"{safe_line(self.engine.reread_cost)} The rack has {len(features)}: the same key again reads them."
            self.notify(words, markup=False)
        elif isinstance(self.engine, Rereads):
            self._reread(self.engine, features)

    @work(group="reread", exclusive=True, exit_on_error=False)
    async def _reread(self, engine: Rereads, features: tuple[Feature, ...]) -> None:
        lane = self.controller.state.lanes[Lane.STEERED]
        if lane.text_from is None:
            return
        prompt, mark = lane.text_from[0], (lane.run, lane.transcript.epoch, len(lane.transcript))
        try:
            async with asyncio.timeout(PATIENCE * len(features)):
                reading = await engine.reread(prompt + lane.text, features)
        except SteerError as error:
            self.notify(error_words(error), severity="error", markup=False)
        except TimeoutError:
            self.notify("The re-read took too long.", severity="error")
        else:
            if mark == (lane.run, lane.transcript.epoch, len(lane.transcript)):
                rows = _rows_behind(prompt, reading)
                columns = {feature.id: [row[n] for row in rows] for n, feature in enumerate(features)}
                self.query_one(DialRack).show_reread(columns)
                self._note_change()


def _rows_behind(prompt: str, reading: Reading) -> list[tuple[float, ...]]:
    """The activations of the tokens that end behind the prompt."""
    rows, end = [], 0
    for token, row in zip(reading.tokens, reading.activations, strict=True):
        end += len(token)
        if end > len(prompt):
            rows.append(row)
    return rows
