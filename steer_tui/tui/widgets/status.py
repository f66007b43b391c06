"""The status line: phase, what is left of a quota, tokens, pace, a link, and the auto and live switches."""

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from steer_tui.domain import FinishReason, Lane, safe_line
from steer_tui.engines import Quota
from steer_tui.generation import (
    Cancelled,
    Connecting,
    Done,
    Failed,
    GenerationState,
    Idle,
    Phase,
    RateLimited,
    Retrying,
    Settling,
    Streaming,
)
from steer_tui.tui.keys import key_of

_ENDINGS = {
    FinishReason.COMPLETE: "done",
    FinishReason.MAX_TOKENS: "done · length reached",
    FinishReason.STOP_SEQUENCE: "done · stop text",
}


def phase_words(phase: Phase) -> tuple[str, str]:
    """A phase as a person reads it, and the style it is drawn in."""
    match phase:
        case Idle():
            return "ready", "dim"
        case Settling():
            return "settling", "$text-secondary"
        case Connecting():
            return "connecting", "$text-secondary"
        case Streaming():
            return "streaming", "bold $text-success"
        case RateLimited():
            return "rate limited", "bold $text-warning"
        case Retrying(attempt):
            return f"connection lost, attempt {attempt}", "bold $text-warning"
        case Done(reason):
            return _ENDINGS[reason], "$text-success"
        case Cancelled():
            return "cancelled", "$text-warning"
        case Failed():
            return "failed", "bold $text-error"


@dataclass(frozen=True, slots=True)
class StatusView:
    """What the status line shows."""

    words: str = "ready"
    style: str = "dim"
    tokens: int = 0
    tokens_per_second: float | None = None
    seconds_to_first_token: float | None = None
    quota: Quota | None = None
    link: str | None = None
    """Where everybody can read the latest text."""

    @classmethod
    def of(cls, state: GenerationState, quota: Quota | None, link: str | None) -> "StatusView":
        """The view of a state: its most urgent phase, and the numbers of the steered lane, else of the other."""
        words, style = phase_words(state.phase)
        lane = state.lanes[Lane.STEERED]
        if not len(lane.transcript):
            lane = state.lanes[Lane.DEFAULT]
        first = lane.seconds_to_first_token
        return cls(words, style, len(lane.transcript), lane.tokens_per_second, first, quota, link)


class StatusSwitch(Widget):
    """A word and whether it is on, off, or cannot be; a click asks for the other position."""

    WORD: ClassVar[str]

    position: reactive[bool | None] = reactive[bool | None](False)
    """On, off, or None where the engine has no such thing."""

    class Pressed(Message):
        """The person wants it the other way."""

    def render(self) -> Content:
        """The word, and on, off or a dash."""
        match self.position:
            case True:
                return Content(f"{self.WORD} ") + Content.styled("on", "bold $text-success")
            case False:
                return Content(f"{self.WORD} ") + Content.styled("off", "dim")
            case _:
                return Content.styled(f"{self.WORD} –", "dim")

    def on_click(self) -> None:
        """Ask for the other position."""
        self.post_message(self.Pressed())


class AutoSwitch(StatusSwitch):
    """Whether a turned dial generates by itself."""

    WORD = "auto"

    class Pressed(StatusSwitch.Pressed):
        """The person wants a turned dial to generate by itself, or no longer to."""


class LiveSwitch(StatusSwitch):
    """Whether a turned dial acts on the text that comes."""

    WORD = "live"

    class Pressed(StatusSwitch.Pressed):
        """The person wants a turned dial to act on the text that comes, or no longer to."""


class StatusFigures(Widget):
    """The left part of the status line."""

    view: reactive[StatusView] = reactive(StatusView())
    """What is shown; an equal view costs nothing."""

    def render(self) -> Content:
        """A dot, the phase, then the figures that are known."""
        view = self.view
        line = Content.styled("● ", view.style) + Content.styled(view.words, view.style)
        figures = []
        if view.quota is not None:
            figures.append(f"{view.quota.remaining} left")
        if view.tokens:
            figures.append(f"{view.tokens} tokens")
        if view.tokens_per_second:
            figures.append(f"{view.tokens_per_second:.0f} tok/s")
        if view.link is not None:
            place = f"public at {safe_line(view.link.removeprefix('https://'))}"
            fits = cell_len(f"{line.plain}   {' · '.join([*figures, place])}") <= self.size.width
            figures.append(place if fits else f"{key_of(self, 'main.copy-link')} copies link")
        if view.seconds_to_first_token is not None:
            figures.append(f"first token {view.seconds_to_first_token * 1000:.0f} ms")
        return line + Content.styled("   " + " · ".join(figures), "dim") if figures else line


class StatusLine(Horizontal):
    """One line of fixed size, so that a changing figure never lays the screen out."""

    def compose(self) -> ComposeResult:
        """Figures at the left, the switches at the right."""
        yield StatusFigures()
        yield AutoSwitch()
        yield LiveSwitch()
