"""A sweep's rows on standard output: a table for a person, JSON or CSV for a program."""

import csv
from collections.abc import Iterator
from typing import Any, Protocol

from rich.cells import set_cell_size

from steer_tui.cli.output import Output
from steer_tui.domain import safe_line
from steer_tui.generation.measures import Means, ShownBy
from steer_tui.generation.sweep import Row, SweepPlan


class Report(Protocol):
    """Shows the rows of a sweep."""

    streams: bool
    """Whether a row is printed as soon as it is known."""

    def begin(self, plan: SweepPlan) -> None:
        """The rows of this plan follow."""
        ...

    def take(self, row: Row) -> None:
        """The next row, all of whose texts are there."""
        ...

    def end(self) -> None:
        """No more rows come."""
        ...


def _measured(means: Means | None) -> dict[str, float | None]:
    """What was measured, by the names that JSON and CSV use."""
    names = ("activation", "share", "nats", "repetition", "divergence")
    values = [None] * 5 if means is None else [getattr(means, name) for name in names]
    return {name: None if value is None else round(value, 4) for name, value in zip(names, values, strict=True)}


def _counted(row: Row) -> dict[str, Any]:
    shown_by = row.feature.shown_by if row.feature else None
    return {"value": row.value, "texts": row.feature.texts if row.feature else 0, "shownBy": shown_by}


class JsonRows:
    """An object a value."""

    streams = True

    def __init__(self, output: Output) -> None:
        self._output = output

    def begin(self, plan: SweepPlan) -> None:
        """Every line stands for itself."""

    def take(self, row: Row) -> None:
        """The value, and under `feature` and `random` what was measured; null where there is no random direction."""
        random = None if row.random is None else _measured(row.random)
        self._output.json({**_counted(row), "feature": _measured(row.feature), "random": random})

    def end(self) -> None:
        """Every line stands for itself."""


class CsvRows:
    """A header, and a line a value."""

    streams = True

    def __init__(self, output: Output) -> None:
        self._writer = csv.writer(_Lines(output), lineterminator="\n")

    def begin(self, plan: SweepPlan) -> None:
        """The names of the columns."""
        empty = Row(0.0, None, None)
        self._writer.writerow(self._cells(empty))

    def take(self, row: Row) -> None:
        """The value and its measures; empty cells where there is no random direction."""
        self._writer.writerow(self._cells(row).values())

    def end(self) -> None:
        """Every line stands for itself."""

    def _cells(self, row: Row) -> dict[str, Any]:
        cells = _counted(row)
        for side, means in (("feature", row.feature), ("random", row.random)):
            cells |= {f"{side}{name.capitalize()}": value for name, value in _measured(means).items()}
        return cells


class _Lines:
    """What the csv module writes to."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def write(self, line: str) -> None:
        self._output.text(line)


_SHOWN_BY = {
    ShownBy.TELLTALE: "of the texts that hold the concept's own words or mark",
    ShownBy.ACTIVATIONS: "of the texts with the feature active on at least 5 % of the tokens",
    None: "not measured: a vector has no words of its own",
}

_NATS = "a token under the unsteered model: the higher, the less fluent"
_NO_NATS = "not measured: the engine tells no log-probabilities"

_HEADINGS = {"concept": 8, "share": 6, "nats": 6, "repeats": 8, "differs": 8}
"""What stands over the columns of a direction, and their widths: a table of two directions is 80 wide."""


class Table:
    """Both directions side by side, printed when the sweep has ended."""

    streams = False

    def __init__(self, output: Output) -> None:
        self._output = output
        self._plan: SweepPlan | None = None
        self._rows: list[Row] = []

    def begin(self, plan: SweepPlan) -> None:
        """Whose rows they are."""
        self._plan = plan

    def take(self, row: Row) -> None:
        """Kept until the end."""
        self._rows.append(row)

    def end(self) -> None:
        """Headings, rows, and what the columns mean; nothing where no row was finished."""
        for line in self._lines():
            self._output.line(line)

    def _lines(self) -> Iterator[str]:
        if self._plan is None or not self._rows or self._rows[0].feature is None:
            return
        means = self._rows[0].feature
        width = sum(_HEADINGS.values())
        label = set_cell_size(safe_line(self._plan.feature.label), width - 2)
        yield f"{'':8}{label}    {'random direction' if self._rows[0].random else ''}".rstrip()
        heads = "".join(f"{heading:>{width}}" for heading, width in _HEADINGS.items())
        yield f"{'value':>6}{heads}  {heads if self._rows[0].random else ''}".rstrip()
        for row in self._rows:
            value = f"{row.value:+g}" if row.value else "0"
            yield f"{value:>6}{_cells(row.feature)}  {_cells(row.random)}".rstrip()
        yield ""
        texts = "One text" if means.texts == 1 else f"{means.texts} texts"
        yield f"{texts} in each row and direction, of {self._plan.sampling.max_tokens} tokens at most."
        yield "concept  the feature's activation a token, read without steering"
        yield f"share    {_SHOWN_BY[means.shown_by]}"
        yield f"nats     {_NATS if self._has_nats() else _NO_NATS}"
        yield "repeats  4-word pieces that the text has already had"
        yield "differs  words to change to get the unsteered text"

    def _has_nats(self) -> bool:
        return any(row.feature is not None and row.feature.nats is not None for row in self._rows)


def _cells(means: Means | None) -> str:
    if means is None:
        return ""
    cells = (
        f"{means.activation:.2f}",
        "–" if means.share is None else _percent(means.share),
        "–" if means.nats is None else f"{means.nats:.2f}",
        _percent(means.repetition),
        _percent(means.divergence),
    )
    return "".join(f"{cell:>{width}}" for cell, width in zip(cells, _HEADINGS.values(), strict=True))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
