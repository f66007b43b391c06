"""The status line, and what takes its place when something needs the person."""

from textual.app import ComposeResult
from textual.widgets import ContentSwitcher

from steer_tui.domain import SteerError
from steer_tui.engines.services import Loading
from steer_tui.generation import RETRIES, Failed, Phase, RateLimited, Retrying
from steer_tui.generation.delivery import Clock
from steer_tui.tui.widgets.loading import LoadingNotice, StoppedNotice
from steer_tui.tui.widgets.notices import Countdown, Failure
from steer_tui.tui.widgets.rack import DialRack
from steer_tui.tui.widgets.status import StatusLine


class Bottom(ContentSwitcher):
    """Shows one of the status line, a countdown, an error, and a server that loads or was stopped."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(initial="status", id="bottom")
        self._clock = clock

    def compose(self) -> ComposeResult:
        """All of them, of which one is in view."""
        yield StatusLine(id="status")
        yield Countdown(self._clock, id="countdown")
        yield Failure(id="failure")
        yield LoadingNotice(self._clock, id="loading")
        yield StoppedNotice(id="stopped")

    def show(self, phase: Phase, fault: SteerError | None) -> None:
        """Show what the phase needs, or else what is missing beside the texts."""
        match phase:
            case RateLimited(until, error):
                self.query_one(Countdown).show(error, until, "")
                self._switch("countdown")
            case Retrying(attempt, until, error):
                self.query_one(Countdown).show(error, until, f"Attempt {attempt} of {RETRIES} follows.")
                self._switch("countdown")
            case Failed(error):
                self._fail(error)
            case _ if fault is not None:
                self._fail(fault)
            case _:
                self._switch("status")

    def show_loading(self, loading: Loading) -> None:
        """Show how far a server is that loads its model."""
        self.query_one(LoadingNotice).show(loading)
        self._switch("loading")

    def show_stopped(self, loading: Loading | None) -> None:
        """Say that the person has stopped it; it may need a moment to end."""
        self.query_one(StoppedNotice).show(loading)
        self._switch("stopped")

    def _fail(self, error: SteerError) -> None:
        self.query_one(Failure).show(error)
        self._switch("failure")

    def _switch(self, current: str) -> None:
        if current == self.current:
            return
        if self.has_focus_within:
            self.screen.query_one(DialRack).focus()  # Textual would give it to the hidden button beside the pressed one
        self.current = current
