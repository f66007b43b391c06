"""What a sweep has measured so far, as two small plots; imported when the first sweep begins, for it loads numpy."""

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeAlias

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static
from textual_plot import HiResMode, PlotWidget

from steer_tui.generation.measures import Means
from steer_tui.generation.sweep import Row

Points: TypeAlias = list[tuple[float, float]]


SHARE = "% of texts that show it"

UNSHARED = "not measured: a vector has no words of its own"
"""Stands in place of the share where nothing tells whether a text shows the concept."""


class CurvePlot(PlotWidget, can_focus=False):
    """A line for the feature, rings for the random direction, and a dot on the chosen value."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"curve-plot--feature", "curve-plot--random"}

    def __init__(self, values: Sequence[float], least_top: float) -> None:
        super().__init__(allow_pan_and_zoom=False)
        self._values, self._least_top = values, least_top

    def on_mount(self) -> None:
        """Leave all lines to the plot but one for the values."""
        self.margin_top, self.margin_bottom, self.margin_left = 0, 1, 5

    def show(self, feature: Points, random: Points, chosen: float) -> None:
        """Draw both curves anew, as far as they are known."""
        self.clear()
        self.set_xlimits(min(self._values), max(self._values))
        self.set_ylimits(0.0, max([self._least_top, *(1.05 * y for _, y in feature + random)]))
        ours = str(self.get_component_rich_style("curve-plot--feature"))
        theirs = str(self.get_component_rich_style("curve-plot--random"))
        if len(feature) > 1:
            self.plot(*_axes(feature), ours, HiResMode.BRAILLE)
        if random:
            self.scatter(*_axes(random), "○", theirs)
        if dots := [point for point in feature if point[0] == chosen or len(feature) == 1]:
            self.scatter(*_axes(dots), "●", ours)


def _axes(points: Points) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


class Curves(Horizontal):
    """The concept and the fluency over the values, side by side."""

    def __init__(self, values: Sequence[float]) -> None:
        super().__init__(id="curves")
        self._share, self._nats = CurvePlot(values, 100.0), CurvePlot(values, 2.0)
        self._told = SHARE
        self._share.set_yticks([0.0, 50.0, 100.0])

    def compose(self) -> ComposeResult:
        """Each plot below the words that name it."""
        for title, plot in ((SHARE, self._share), ("nats a token", self._nats)):
            with Vertical():
                yield Static(title, classes="curve-title", markup=False)
                yield plot

    def show(self, rows: Sequence[Row], chosen: float) -> None:
        """Draw what is known of each value, by rising value."""
        known = [row.feature for row in rows if row.feature is not None]
        told = UNSHARED if known and all(means.share is None for means in known) else SHARE
        if told != self._told:
            self._told = told
            self.query(Static).first().update(told)

        def points(means: Callable[[Row], Means | None], measured: Callable[[Means], float | None]) -> Points:
            known = ((row.value, found) for row in rows if (found := means(row)) is not None)
            return [(value, y) for value, found in known if (y := measured(found)) is not None]

        for plot, measured in ((self._share, _percent), (self._nats, _nats)):
            plot.show(points(lambda row: row.feature, measured), points(lambda row: row.random, measured), chosen)


def _percent(means: Means) -> float | None:
    return None if means.share is None else 100 * means.share


def _nats(means: Means) -> float | None:
    return means.nats
