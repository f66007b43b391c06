"""One line of text as a strip of styled cells."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from steer_tui.tui.widgets.output.cells import after_tab, drawable, snap
from steer_tui.tui.widgets.output.tokens import TokenKind

_TABS = re.compile("(\t)")


@dataclass(frozen=True, slots=True)
class LineStyles:
    """The styles that lines are drawn in."""

    kinds: dict[int, Style]
    """A style for each kind of token."""
    selection: Style
    """What is added where text is selected."""
    cursor: Style
    """What is added where the next token comes."""

    @property
    def plain(self) -> Style:
        """The style of plain text and of what is empty."""
        return self.kinds[TokenKind.PLAIN]


def draw_line(
    line: str,
    start: int,
    runs: Iterable[tuple[int, int]],
    selected: tuple[int, int] | None,
    cursor: bool,
    width: int,
    styles: LineStyles,
) -> Strip:
    """Draw a wrapped line whose first character has an offset of `start` in the text.

    `runs` are the ends and kinds of the tokens in it, `selected` the first and the last offset of a selection. Each
    segment carries its offset in the text, from which Textual tells what the mouse points at; an empty one at the
    end does so for what lies right of it.
    """
    text = drawable(line.removesuffix("\n"))
    segments: list[Segment] = []
    cells = begin = 0
    for end, style in _pieces(runs, selected, styles):
        stop = snap(text, end - start)
        if stop <= begin:
            continue
        for piece, offset in _untabbed(text[begin:stop], start + begin, cells):
            segments.append(Segment(piece, style + Style.from_meta({"offset": (offset, 0)})))
            cells += cell_len(piece)
        begin = stop
    segments.append(Segment("", Style.from_meta({"offset": (start + len(text), 0)})))
    if cursor and cells < width:
        segments.append(Segment(" ", styles.plain + styles.cursor))
    strip = Strip(segments).adjust_cell_length(width, styles.plain)
    return _with_cursor_at_edge(strip, styles.cursor) if cursor and cells >= width else strip


def _pieces(
    runs: Iterable[tuple[int, int]], selected: tuple[int, int] | None, styles: LineStyles
) -> Iterator[tuple[int, Style]]:
    """The runs cut where the selection begins and ends: where each piece ends, and its style (pieces may be empty)."""
    for end, kind in runs:
        style = styles.kinds[kind]
        if selected is not None:
            first, last = selected
            yield min(first, end), style
            yield min(last, end), style + styles.selection
        yield end, style


def _untabbed(text: str, offset: int, cells: int) -> Iterator[tuple[str, int]]:
    """The text with a blank for each cell of a tab, in pieces with their offsets; it starts at a column."""
    for part in _TABS.split(text):
        if part == "\t":
            after = after_tab(cells)
            yield from [(" ", offset)] * (after - cells)
            cells = after
        elif part:
            yield part, offset
            cells += cell_len(part)
        offset += len(part)


def _with_cursor_at_edge(strip: Strip, cursor: Style) -> Strip:
    """The strip with the cursor over its last cell, where it waits as a terminal's own does."""
    edge = strip.cell_length - 1
    covered = [Segment(text, (style or Style()) + cursor) for text, style, _ in strip.crop(edge)]
    return Strip.join([strip.crop(0, edge), Strip(covered)])
