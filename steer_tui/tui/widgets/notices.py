"""What takes the status line's place when something needs the person: a countdown, or an error."""

import math

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Button, Static

from steer_tui.domain import SteerError, safe_line
from steer_tui.generation.delivery import Clock
from steer_tui.tui.keys import key_of
from steer_tui.tui.widgets.ticking import TickingTime


def clock_face(seconds: float) -> str:
    """Seconds as `m:ss`, rounded up so that 0:00 means that the time is over."""
    minutes, rest = divmod(max(0, math.ceil(seconds)), 60)
    return f"{minutes}:{rest:02d}"


class RemainingTime(TickingTime):
    """The seconds that are left, counted down by itself."""

    until: reactive[float] = reactive(0.0)
    """When the time is over, on the clock."""

    def watch_until(self) -> None:
        """Show a new time at once."""
        self.tick()

    def tick(self) -> None:
        """How long there is still to wait."""
        self.face = clock_face(self.until - self.clock())

    def render(self) -> Content:
        """When the next request leaves."""
        return Content("asking again in ") + Content.styled(self.face, "bold")


class Countdown(Vertical):
    """A wait before the next attempt: why, how long, and the buttons that end it."""

    class NowPressed(Message):
        """The person does not want to wait."""

    class StopPressed(Message):
        """The person gives up."""

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock = clock

    def compose(self) -> ComposeResult:
        """What happened, the time, the buttons."""
        yield Static(id="countdown-reason", markup=False)
        yield RemainingTime(self._clock)
        with Horizontal(classes="notice-buttons"):
            yield Button(Content(f"now ({key_of(self, 'main.now')})"), id="now", compact=True, variant="primary")
            yield Button(Content(f"stop ({key_of(self, 'main.cancel')})"), id="stop", compact=True)

    def show(self, error: SteerError, until: float, attempt: str) -> None:
        """Count down to `until` on the clock; `attempt` says which one follows."""
        if until == self.query_one(RemainingTime).until:
            return
        words = " ".join(filter(None, [safe_line(error.message), attempt]))
        self.query_one("#countdown-reason", Static).update(words)
        self.query_one(RemainingTime).until = until

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Say which button it was."""
        event.stop()
        self.post_message(self.NowPressed() if event.button.id == "now" else self.StopPressed())


class Sentence(Static):
    """Words in as many lines as the stylesheet gives them, and an ellipsis where there would be more."""

    def render(self) -> Content:
        """As many whole lines as there is room for."""
        width, height = self.size
        lines = self._wrapped(width)
        if len(lines) > height > 0:
            lines = [*lines[: height - 1], Content(lines[height - 1].plain[: width - 1].rstrip() + "…")]
        return Content("\n").join(lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """What the whole text needs; the stylesheet limits it."""
        return len(self._wrapped(width))

    def _wrapped(self, width: int) -> list[Content]:
        return Content(str(self.content)).wrap(max(1, width))


class Failure(Vertical):
    """An error: what happened, what to do, and a way to try again."""

    _shown: SteerError | None = None

    class RetryPressed(Message):
        """The person wants to try again."""

    def compose(self) -> ComposeResult:
        """The two sentences and the button."""
        yield Sentence(id="failure-message", markup=False)
        yield Sentence(id="failure-hint", markup=False)
        with Horizontal(classes="notice-buttons"):
            yield Button(Content(f"try again ({key_of(self, 'main.try-again')})"), compact=True, variant="error")

    def show(self, error: SteerError) -> None:
        """Show an error's two sentences."""
        if error is self._shown:
            return
        self._shown = error
        self.query_one("#failure-message", Sentence).update(safe_line(error.message))
        self.query_one("#failure-hint", Sentence).update(safe_line(error.hint))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Ask for another try."""
        event.stop()
        self.post_message(self.RetryPressed())
