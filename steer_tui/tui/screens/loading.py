"""What the main screen shows and does until its engine is ready, and while the engine gets ready once more."""

import asyncio
from dataclasses import replace

from textual import on, work

from steer_tui.domain import Malformed, SteerError
from steer_tui.engines import Prepares, Quota
from steer_tui.engines.services import Loading, Loads, Warns
from steer_tui.generation import Cancelled, Failed, Idle
from steer_tui.tui.screens.services import ServiceScreen
from steer_tui.tui.widgets.bottom import Bottom
from steer_tui.tui.widgets.loading import LoadingNotice, StoppedNotice
from steer_tui.tui.widgets.notices import Failure
from steer_tui.tui.widgets.status import StatusView
from steer_tui.tui.widgets.warning import WarningNote
from steer_tui.tui.wording import error_words

PREPARE_AFTER = 0.25
"""Seconds after which the engine is made ready: its imports would hold up the first paint."""

LOOK = 0.25
"""Seconds between two looks at how far the engine is, and whether it warns."""


class LoadingScreen(ServiceScreen):
    """Makes the engine ready, says how far it is, stops it, and tries again."""

    _unprepared: SteerError | None = None
    """Why the engine is not ready, until it is tried again."""
    _has_stopped = False
    """Whether the person has stopped the loading, until it is tried again."""
    _was_loading = False

    def __init__(self) -> None:
        super().__init__()
        self._preparing = asyncio.Lock()

    def on_mount(self) -> None:
        """Make the engine ready, and look at it from time to time."""
        self.set_timer(PREPARE_AFTER, self.prepare)
        if isinstance(self.engine, Loads | Warns):
            self.set_interval(LOOK, self._look)

    def prepare(self) -> None:
        """Make the engine ready, which may take minutes; what goes wrong is shown."""
        self._end_workers("prepare")
        self._note_unprepared(None)
        self._prepare()

    @work(group="prepare", exit_on_error=False)
    async def _prepare(self) -> None:
        if not isinstance(self.engine, Prepares):
            return
        try:
            async with self._preparing:  # one that was stopped may still be ending
                await self.engine.prepare()
        except SteerError as error:
            self._note_unprepared(error)
        else:
            self.query_one(WarningNote).forget()
            self._look()
        self._note_change()

    def tell_fault(self, group: str, sentence: str) -> None:
        """Say it beside what is there; where the engine broke as it got ready, in place of the status."""
        if group == "prepare":
            self._note_unprepared(Malformed(sentence, hint="Try again; --log FILE tells more."))
        else:
            self.notify(sentence, severity="error", markup=False)

    def _note_unprepared(self, error: SteerError | None) -> None:
        self._unprepared = error
        if error is not None and not isinstance(self.controller.state.phase, Idle | Cancelled | Failed):
            self.notify(error_words(error), severity="error", markup=False)
        self.refresh_bindings()
        self._note_change()

    # What is seen of it

    @property
    def _loading(self) -> Loading | None:
        return self.engine.loading if isinstance(self.engine, Loads) else None

    def _look(self) -> None:
        if isinstance(self.engine, Warns):
            self.query_one(WarningNote).tell(self.engine.warning)
        is_loading = self._loading is not None
        if is_loading and not self._lacks_engine and not self._living_workers("prepare"):
            self.prepare()  # so that the server does not end with whoever asked for it first
        if is_loading is not self._was_loading:
            self._was_loading = is_loading
            self.refresh_bindings()
            self._note_change()
        self._show_bottom()

    def _status(self, quota: Quota | None) -> StatusView:
        """How the texts stand; before the first one, whether the engine still tries out what answers it."""
        state = self.controller.state
        view = StatusView.of(state, quota, self._link)
        is_trying = isinstance(self.engine, Loads | Warns) and self._preparing.locked()
        if is_trying and isinstance(state.phase, Idle):
            return replace(view, words="getting ready", style="$text-secondary")
        return view

    def _show_bottom(self) -> None:
        """What holds everything up goes before how the texts stand."""
        bottom, phase, loading = self.query_one(Bottom), self.controller.state.phase, self._loading
        if self._has_stopped:
            bottom.show_stopped(loading)
        elif loading is not None:
            bottom.show_loading(loading)
        elif isinstance(phase, Idle):
            bottom.show(phase, self._unprepared or self._unfound)
        else:
            bottom.show(phase, self._unprepared if isinstance(phase, Cancelled) else None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to try again what has failed or was stopped."""
        if action == "try_again":
            return self._lacks_engine or self._has_failed or self._unfound is not None
        return super().check_action(action, parameters)

    @property
    def _lacks_engine(self) -> bool:
        return self._has_stopped or self._unprepared is not None

    @property
    def _has_failed(self) -> bool:
        return any(isinstance(lane.phase, Failed) for lane in self.controller.state.lanes.values())

    # What is done about it

    @property
    def _can_stop_loading(self) -> bool:
        return self._loading is not None and not self._has_stopped

    @on(LoadingNotice.StopPressed)
    def stop_loading(self) -> None:
        """Let go of everything that waits for the server, which ends with it if it was started for us."""
        self._has_stopped = True
        self._end_workers("prepare")
        self._end_workers("dials")
        self.controller.cancel()
        self.refresh_bindings()
        self._show_bottom()

    def _want_engine(self) -> None:
        if self._lacks_engine:
            self._load_again()

    def _load_again(self) -> None:
        self._has_stopped = False
        self.prepare()
        if self._lacks_dials:
            self.find_dials()

    def _follow_generation(self) -> None:
        """A generation that begins by itself asks for the server that was stopped."""
        if self._has_stopped and self.controller.state.is_generating:
            self._load_again()

    @on(Failure.RetryPressed)
    @on(StoppedNotice.AgainPressed)
    def action_try_again(self) -> None:
        """Get the engine ready that is not, start what has failed, or else ask once more for the dials."""
        was_stopped, has_failed = self._has_stopped, self._has_failed
        if self._lacks_engine:
            self._load_again()
        elif not has_failed:
            self.find_dials()
        if has_failed and not was_stopped:
            self.controller.try_again()

    @on(WarningNote.Closed)
    def _warning_closed(self) -> None:
        self.refresh_bindings()

    @property
    def _tells_warning(self) -> bool:
        return self.query_one(WarningNote).display
