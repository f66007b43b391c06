"""What takes the status line's place while a server loads its model, and once the person has stopped waiting for it."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Button

from steer_tui.domain import safe_line
from steer_tui.engines.services import Loading
from steer_tui.generation.delivery import Clock
from steer_tui.tui.keys import key_of
from steer_tui.tui.widgets.ticking import TickingTime


def elapsed_face(seconds: float) -> str:
    """Seconds that are over as `m:ss`."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02d}"


class LoadingStage(TickingTime):
    """How long it has taken so far, counted up by itself, and what is being waited for."""

    progress: reactive[Loading | None] = reactive(None)
    """How far it is."""

    def watch_progress(self) -> None:
        """Show a new time at once."""
        self.tick()

    def tick(self) -> None:
        """How long it has taken."""
        if self.progress is not None:
            self.face = elapsed_face(self.clock() - self.progress.began)

    def render(self) -> Content:
        """The time first, which has to be in view however long the stage is."""
        stage = "" if self.progress is None else safe_line(self.progress.stage)
        return Content.styled(f"● loading {self.face}", "bold $text-secondary") + Content(f"   {stage}")


class LogLine(Widget):
    """The last line of the server's log, as much of it as there is room for."""

    text: reactive[str] = reactive("")
    """The line."""

    def render(self) -> Content:
        """Quietly: it is the server that speaks."""
        return Content.styled(safe_line(self.text), "dim")


class LoadingNotice(Vertical):
    """A server that loads: how long, what it does, and the button that stops it."""

    class StopPressed(Message):
        """The person does not want to wait."""

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock = clock

    def compose(self) -> ComposeResult:
        """Stage, log, button."""
        yield LoadingStage(self._clock)
        yield LogLine()
        with Horizontal(classes="notice-buttons"):
            yield Button(Content(f"stop ({key_of(self, 'main.cancel')})"), compact=True)

    def show(self, loading: Loading) -> None:
        """Show how far it is; a log that cannot be seen takes no line."""
        self.query_one(LoadingStage).progress = loading
        log = self.query_one(LogLine)
        log.display = loading.last_line is not None
        log.text = loading.last_line or ""

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Say that it is to stop."""
        event.stop()
        self.post_message(self.StopPressed())


class StoppedSentence(Widget):
    """That nobody waits any longer, and how it is tried again."""

    ends: reactive[bool] = reactive(False)
    """Whether what was started is still ending."""

    def render(self) -> Content:
        """What happened, then what to do."""
        happened = "Stopped; the server is ending …" if self.ends else "You stopped waiting for the server."
        again = f"{key_of(self, 'main.generate')} tries again and generates"
        return Content.styled("● ", "$text-warning") + Content(happened) + Content.styled(f"  {again}.", "dim")


class StoppedNotice(Vertical):
    """What is said once the loading was stopped, and a way to begin it again."""

    class AgainPressed(Message):
        """The person wants the model after all."""

    def compose(self) -> ComposeResult:
        """The sentence and the button."""
        yield StoppedSentence()
        with Horizontal(classes="notice-buttons"):
            yield Button(Content(f"try again ({key_of(self, 'main.try-again')})"), compact=True, variant="primary")

    def show(self, loading: Loading | None) -> None:
        """Say whether it is over yet."""
        self.query_one(StoppedSentence).ends = loading is not None

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Say that it is wanted again."""
        event.stop()
        self.post_message(self.AgainPressed())
