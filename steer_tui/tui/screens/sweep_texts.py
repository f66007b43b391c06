"""All texts that a sweep has of one value, in full."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from steer_tui.domain import Feature, safe_line, safe_text
from steer_tui.generation.sweep import Direction, Sample
from steer_tui.tui.wording import value_words

_SHOWS = {True: "shows it", False: "does not show it", None: "nothing tells whether it shows it"}
"""Whether a text shows the concept, in words."""


class SweepTextsScreen(ModalScreen[None]):
    """The feature's texts first, then the random direction's, each below what was measured of it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", "close")]

    def __init__(self, feature: Feature, value: float, samples: Sequence[Sample]) -> None:
        super().__init__()
        self._label, self._value, self._samples = safe_line(feature.label), value, samples

    def compose(self) -> ComposeResult:
        """One page that scrolls."""
        with VerticalScroll(id="sweep-texts") as box:
            box.border_title = Content(f"{self._label} at {value_words(self._value)}")
            box.border_subtitle = "↑↓ scroll · esc close"
            yield Static(Content("\n\n").join(self._passages()))

    def _passages(self) -> Iterator[Content]:
        names = {Direction.FEATURE: self._label, Direction.RANDOM: "random direction"}
        if not self._value:  # both directions stand for the same texts
            names = {Direction.FEATURE: "no dial"}
        for direction, name in names.items():
            for sample in self._samples:
                if sample.case.direction is direction:
                    yield self._passage(sample, name)

    def _passage(self, sample: Sample, name: str) -> Content:
        measures = sample.measures
        shows = _SHOWS[measures.shows]
        nats = "" if measures.nats is None else f" · {measures.nats:.2f} nats"
        head = f"{name} · {sample.case.number + 1} · {shows} · activation {measures.activation:.2f}{nats}"
        text = Content.styled(safe_text(sample.case.prompt), "dim") + Content(safe_text(sample.text))
        return Content.styled(head, "bold $text-primary") + Content("\n") + text
