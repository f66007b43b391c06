"""Temperature, length, seed and stop text, in one small form."""

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from steer_tui.domain import InvalidValue, Sampling


@dataclass(frozen=True, slots=True)
class _Field:
    id: str
    title: str
    value: str


class SamplingScreen(ModalScreen[Sampling | None]):
    """Closes with the sampling that was set, or None; a wrong value stays in its field beside a sentence."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close", id="sampling.close"),
        Binding("enter", "accept", "set", id="sampling.accept", priority=True),
        Binding("down", "app.focus_next", "next", show=False, id="sampling.next"),
        Binding("up", "app.focus_previous", "previous", show=False, id="sampling.previous"),
    ]

    def __init__(self, sampling: Sampling) -> None:
        super().__init__()
        self._sampling = sampling

    def compose(self) -> ComposeResult:
        """A line for each value, and one for what is wrong."""
        sampling = self._sampling
        with Vertical(id="sampling") as box:
            box.border_title = "Sampling"
            box.border_subtitle = "↑↓ field · ⏎ set · esc close"
            for field in (
                _Field("temperature", "temperature, 0 takes the likeliest token", f"{sampling.temperature:g}"),
                _Field("tokens", "tokens at most", str(sampling.max_tokens)),
                _Field("seed", "seed", str(sampling.seed)),
                _Field("stop", "stop text, none if empty", sampling.stop[0] if sampling.stop else ""),
            ):
                yield Label(field.title)
                yield Input(field.value, id=field.id)
            yield Static(id="sampling-fault", markup=False)

    def _number(self, id: str) -> float:
        text = self.query_one(f"#{id}", Input).value.strip()
        try:
            return float(text) if id == "temperature" else int(text)
        except ValueError:
            kind = "number" if id == "temperature" else "whole number"
            raise InvalidValue(f"{text!r} is no {kind}.") from None

    def action_accept(self) -> None:
        """Close with the new values, or say which of them cannot be."""
        stop = self.query_one("#stop", Input).value
        try:
            sampling = Sampling(
                temperature=self._number("temperature"),
                max_tokens=int(self._number("tokens")),
                seed=int(self._number("seed")),
                stop=(stop, *self._sampling.stop[1:]) if stop else (),
            )
        except InvalidValue as fault:
            self.query_one("#sampling-fault", Static).update(str(fault))
        else:
            self.dismiss(sampling)
