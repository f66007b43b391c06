"""Temperature, length, seed, stop text and pace, in one small form."""

import math
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from steer_tui.domain import InvalidValue, Sampling
from steer_tui.tui.widgets.safe_input import SafeInput

_WHOLE = frozenset({"tokens", "seed"})
"""Fields that take whole numbers alone."""


@dataclass(frozen=True, slots=True)
class _Field:
    id: str
    title: str
    value: str


def _escaped(text: str) -> str:
    """A stop text as it can be typed in one line."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def _unescaped(text: str) -> str:
    pieces = text.split("\\\\")
    return "\\".join(piece.replace("\\n", "\n").replace("\\t", "\t") for piece in pieces)


class SamplingScreen(ModalScreen[tuple[Sampling, float] | None]):
    """Closes with the sampling and the pace that were set, or None; a wrong value stays beside a sentence."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close"),
        Binding("enter", "accept", "set", priority=True),
        Binding("down", "app.focus_next", "next", show=False),
        Binding("up", "app.focus_previous", "previous", show=False),
    ]

    def __init__(self, sampling: Sampling, pace: float) -> None:
        super().__init__()
        self._sampling, self._pace = sampling, pace

    def compose(self) -> ComposeResult:
        """A line for each value, and one for what is wrong."""
        sampling = self._sampling
        with VerticalScroll(id="sampling", can_focus=False) as box:
            box.border_title = "Sampling"
            box.border_subtitle = "↑↓ field · ⏎ set · esc close"
            for field in (
                _Field("temperature", "temperature, 0 takes the likeliest token", f"{sampling.temperature:g}"),
                _Field("tokens", "tokens at most", str(sampling.max_tokens)),
                _Field("seed", "seed", str(sampling.seed)),
                _Field("stop", "stop text, \\n for a new line, none if empty", _escaped("".join(sampling.stop[:1]))),
                _Field("pace", "pace in tokens a second, unlimited if empty", f"{self._pace:g}" if self._pace else ""),
            ):
                yield Label(field.title)
                yield SafeInput(field.value, id=field.id)
            yield Static(id="sampling-fault", markup=False)

    def _number(self, id: str) -> float:
        text = self.query_one(f"#{id}", Input).value.strip()
        try:
            return int(text) if id in _WHOLE else float(text)
        except ValueError:
            kind = "whole number" if id in _WHOLE else "number"
            raise InvalidValue(f"{text!r} is no {kind}.") from None

    def _chosen_pace(self) -> float:
        pace = self._number("pace") if self.query_one("#pace", Input).value.strip() else 0.0
        if not (math.isfinite(pace) and pace >= 0):
            raise InvalidValue(f"The pace must be 0 or more tokens a second; it is {pace:g}.")
        return pace

    def action_accept(self) -> None:
        """Close with the new values, or say which of them cannot be."""
        try:
            stop = _unescaped(self.query_one("#stop", Input).value)
            sampling = Sampling(
                temperature=self._number("temperature"),
                max_tokens=int(self._number("tokens")),
                seed=int(self._number("seed")),
                stop=(stop, *self._sampling.stop[1:]) if stop else (),
            )
            pace = self._chosen_pace()
        except InvalidValue as fault:
            self.query_one("#sampling-fault", Static).update(str(fault))
        else:
            self.dismiss((sampling, pace))
