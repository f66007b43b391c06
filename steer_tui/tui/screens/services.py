"""What the main screen can do because a service stands behind the engine."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from textual import work
from textual.binding import Binding, BindingType
from textual.screen import Screen

from steer_tui.domain import Dial, InvalidValue, Lane, NotFound, SteerError, safe_line
from steer_tui.engines import Engine
from steer_tui.engines.services import ChargesRereads, OffersModels, OffersPresets, Preset, Publishes
from steer_tui.generation import Cancelled, Controller, Idle
from steer_tui.tui.keys import key_of
from steer_tui.tui.screens.faults import TellsFaults
from steer_tui.tui.widgets.prompt import PromptBox
from steer_tui.tui.widgets.publication import PublicationNote
from steer_tui.tui.widgets.rack import DialRack
from steer_tui.tui.wording import method_words

if TYPE_CHECKING:
    from textual.worker import Worker

FindDials: TypeAlias = Callable[[], Awaitable[tuple[Dial, ...]]]
"""Asks for dials; raises a SteerError, or InvalidValue for a dial that cannot be."""


class ServiceScreen(TellsFaults, Screen[None]):
    """Offers each of its actions where the engine has what it needs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "presets", "presets", id="main.presets"),
        Binding("o", "models", "models", id="main.models"),
        Binding("i", "reread", "re-read", id="main.reread"),
        Binding("c", "copy_link", "copy link", id="main.copy-link"),
    ]

    engine: Engine
    controller: Controller

    _find_dials: FindDials | None = None
    _unfound: SteerError | None = None
    """Why the dials that were asked for are not there, until they are asked for once more."""
    _lacks_dials = False
    """Whether dials that were asked for have not come."""
    _knows_cost = False
    """Whether the person was told what a re-read costs."""

    def __init__(self) -> None:
        super().__init__()
        self._asking = asyncio.Lock()

    def _note_change(self) -> None:
        """Something has changed that the screen shows."""
        raise NotImplementedError

    def _want_engine(self) -> None:
        """Something is about to be asked of the engine, which may have been stopped."""
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
                return self.controller.can_reread
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

    def find_dials(self) -> None:
        """Put the dials into the rack that have to be asked for, unless the person fills it otherwise meanwhile."""
        self._end_workers("dials")
        self._ask_for_dials()

    def _end_workers(self, group: str) -> None:
        # Each once only: a second cancel would break off an engine that is closing after the first.
        for worker in self._living_workers(group):
            worker.cancel()

    def _living_workers(self, group: str) -> "list[Worker[None]]":
        mine = [worker for worker in self.workers if worker.node is self and worker.group == group]
        return [worker for worker in mine if not (worker.is_cancelled or worker.is_finished)]

    @work(group="dials", exit_on_error=False)
    async def _ask_for_dials(self) -> None:
        if self._find_dials is None:
            return
        before = self.controller.inputs.watched
        self._lacks_dials = True
        self._note_unfound(None)
        try:
            async with self._asking:  # one that was ended may still be closing
                found = await self._find_dials()
        except InvalidValue as error:
            self._note_unfound(NotFound(str(error), hint=f"{key_of(self, 'main.add')} finds another feature."))
        except SteerError as error:
            self._note_unfound(error)
        else:
            self._lacks_dials = False
            if self.controller.inputs.watched == before:
                self._join(found)
            else:
                self.notify("The dials that were asked for came after yours, and were left out.", severity="warning")

    def _join(self, found: tuple[Dial, ...]) -> None:
        rack = self.query_one(DialRack)
        new = tuple(dial for dial in found if rack.rack.index_of(dial.feature) is None)
        rack.rack = replace(rack.rack, dials=(*new, *rack.rack.dials))
        inputs = replace(self.controller.inputs, dials=rack.rack.dials)
        if isinstance(self.controller.state.lanes[Lane.STEERED].phase, Idle | Cancelled):
            self.controller.inputs = inputs  # nobody wants a text yet
        else:
            self.controller.change(inputs)

    def _note_unfound(self, error: SteerError | None) -> None:
        self._unfound = error
        self.refresh_bindings()
        self._note_change()

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
            self.notify(f"This engine does not steer by the method {method_words(preset.method)}.", severity="warning")
            return
        rack, box, inputs = self.query_one(DialRack), self.query_one(PromptBox), self.controller.inputs
        if preset.dials:
            dials = tuple(Dial(feature, value) for feature, value in preset.dials)
            inputs = replace(inputs, dials=dials, method=preset.method)
        if preset.prompt is not None:
            inputs = replace(inputs, prompt=preset.prompt)
        self.controller.change(inputs)
        if preset.dials:
            rack.change(rack.rack.replaced(inputs.dials, inputs.method))
            rack.focus()
        if preset.prompt is not None:
            box.replace(preset.prompt, (0, 0), box.document.end)

    def action_models(self) -> None:
        """Show which models and sources there are, and how another one is opened."""
        from steer_tui.tui.screens.models import ModelsScreen

        if isinstance(self.engine, OffersModels):
            self.app.push_screen(ModelsScreen(self.engine, self.engine.info))

    # Activations that no stream told

    def action_reread(self) -> None:
        """Read the steered text anew for the activations of the dials' features, once it is known what that costs."""
        if isinstance(self.engine, ChargesRereads) and not self._knows_cost:
            self._knows_cost = True
            count = len(self.controller.inputs.watched)
            words = f"{safe_line(self.engine.reread_cost)} The rack has {count}: the same key again reads them."
            self.notify(words, markup=False)
        else:
            self.controller.reread()
