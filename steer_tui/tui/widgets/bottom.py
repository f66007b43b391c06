"""The status line, and what takes its place when something needs the person."""

from textual.app import ComposeResult
from textual.widgets import ContentSwitcher

from steer_tui.domain import SteerError
from steer_tui.generation import RETRIES, Failed, Idle, Phase, RateLimited, Retrying
from steer_tui.generation.delivery import Clock
from steer_tui.tui.widgets.notices import Countdown, Failure
from steer_tui.tui.widgets.rack import DialRack
from steer_tui.tui.widgets.status import StatusLine


class Bottom(ContentSwitcher):
    """Shows one of the status line, a countdown and an error."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(initial="status", id="bottom")
        self._clock = clock

    def compose(self) -> ComposeResult:
        """All three, of which one is in view."""
        yield StatusLine(id="status")
        yield Countdown(self._clock, id="countdown")
        yield Failure(id="failure")

    def show(self, phase: Phase, unfound: SteerError | None) -> None:
        """Show what the phase needs; before the first generation, also why dials are not there."""
        match phase:
            case RateLimited(until, error):
                self.query_one(Countdown).show(error, until, "")
                self._switch("countdown")
            case Retrying(attempt, until, error):
                self.query_one(Countdown).show(error, until, f"Attempt {attempt} of {RETRIES} follows.")
                self._switch("countdown")
            case Failed(error):
                self._fail(error)
            case Idle() if unfound is not None:
                self._fail(unfound)
            case _:
                self._switch("status")

    def _fail(self, error: SteerError) -> None:
        self.query_one(Failure).show(error)
        self._switch("failure")

    def _switch(self, current: str) -> None:
        if current == self.current:
            return
        if self.has_focus_within:
            self.screen.query_one(DialRack).focus()  # Textual would give it to the hidden button beside the pressed one
        self.current = current
