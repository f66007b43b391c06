"""Where lines end: word wrap in cells, without any memory from one line to the next.

A line's end depends only on what follows its start, and text that comes later can move the end of the last line
alone. That is what makes it enough to wrap the last line again when tokens are appended.
"""

import re

from rich.cells import get_character_cell_size

from steer_tui.tui.widgets.output.cells import after_tab, clusters, is_narrow, is_wide

SLACK = 1024
"""How many characters a line may hold beyond its width: hanging spaces and marks without a width are not endless."""

_SPACES = re.compile(" *")


def line_ends(text: str, width: int) -> list[int]:
    """Where each line of drawable text ends, when wrapped to a width of at least one cell.

    A newline ends its line, so text that ends in one has an empty line after it. Lines break after spaces, which
    hang beyond the edge, and on both sides of wide characters; a word longer than the width is broken anywhere.
    """
    ends: list[int] = []
    start = 0
    while True:
        newline = text.find("\n", start)
        stop = len(text) if newline < 0 else newline
        narrow = is_narrow(text, start, stop)
        while True:
            start = _narrow_end(text, start, stop, width) if narrow else _end(text, start, stop, width)
            ends.append(start)
            if start == stop:
                break
        if newline < 0:
            return ends
        start = ends[-1] = newline + 1


def _narrow_end(text: str, start: int, stop: int, width: int) -> int:
    """The same as `_end` where each character is one cell, at the speed of searching a string."""
    edge = start + width
    if stop <= edge:
        return stop
    if text[edge] != " ":
        return text.rfind(" ", start, edge) + 1 or edge
    hanging = _SPACES.match(text, edge, min(stop, edge + SLACK))
    assert hanging is not None
    return hanging.end()


def _end(text: str, start: int, stop: int, width: int) -> int:
    """The end of the line that starts here in a paragraph that stops there."""
    ahead = start + width + 2
    if stop > ahead and text[ahead - 2] != " " and is_narrow(text, start, ahead):
        return _narrow_end(text, start, ahead, width)
    pairs = start + width // 2
    if stop > pairs > start and is_wide(text, start, pairs + 1):
        return pairs
    cells = 0
    gap = begin = start
    for end, size in clusters(text, start, min(stop, start + width + SLACK)):
        first = text[begin]
        if first == "\t" or (first == " " and end - begin == 1):
            cells = after_tab(cells) if first == "\t" else cells + 1
            gap = end
        else:
            wide = size == 2 and get_character_cell_size(first) == 2  # not what is wide by a mark, which may yet come
            if wide:
                gap = begin
            cells += size
            if cells > width and begin > start:
                return gap if gap > start else begin
            if wide:
                gap = end
        begin = end
    return begin
