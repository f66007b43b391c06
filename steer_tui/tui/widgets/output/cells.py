"""Text in terminal cells: what may be drawn, in clusters that are never split, as wide as Rich measures them."""

import re
from collections.abc import Iterator

from rich.cells import cell_len, get_character_cell_size

from steer_tui.domain.text import safe_text

TAB = 4
"""A tab reaches to the next multiple of this many cells."""

CLUSTER_LIMIT = 64
"""A cluster holds no more characters, so that an endless row of combining marks costs no more than other text."""

_JOINER = "\u200d"
_EMOJI = "\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff\U0001f000-\U0001faff"
_LONE_JOINER = re.compile(f"(?<![{_EMOJI}\ufe0f]){_JOINER}|{_JOINER}(?![{_EMOJI}])")
_FIRST_FLAG_LETTER = "\U0001f1e6"
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_NOT_NARROW = re.compile(
    "[^ -~\xa0-\xac\xae-\u02ff\u0370-\u0482\u1e00-\u1fff\u2010-\u2027\u2030-\u205f\u20a0-\u20bf\u2500-\u25fc]"
)
_NOT_WIDE = re.compile("[^\u3001-\u3020\u3041-\u3096\u30a1-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60]")


def drawable(text: str) -> str:
    """The text as it is drawn: safe, of the same length, and joined only where there are emoji to join.

    Rich counts no cell for whatever follows a joiner; a terminal joins emoji alone. Elsewhere the mark that never
    joins takes its place, so that the two agree.
    """
    text = safe_text(text)
    return _LONE_JOINER.sub("\u200c", text) if _JOINER in text else text


def is_narrow(text: str, start: int = 0, end: int | None = None) -> bool:
    """Whether each character is known to be a cluster of one cell (so neither tabs nor newlines, nothing combining)."""
    return _NOT_NARROW.search(text, start, len(text) if end is None else end) is None


def is_wide(text: str, start: int, end: int) -> bool:
    """Whether each character is known to be a cluster of two cells, as in Chinese and Japanese."""
    return _NOT_WIDE.search(text, start, end) is None


def clusters(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where each cluster of drawable text ends and how many cells it takes: a character and all that stays with it.

    A tab, whose cells depend on its column, is a cluster of 0 cells.
    """
    following = get_character_cell_size(text[start]) if start < end else 0
    while start < end:
        stop, cells = start + 1, following
        following = get_character_cell_size(text[stop]) if stop < end else 1
        if following == 0 or text[start] >= _FIRST_FLAG_LETTER:
            stop = _stop(text, start, min(end, start + CLUSTER_LIMIT))
            cells = cell_len(text[start:stop])
            following = get_character_cell_size(text[stop]) if stop < end else 1
        yield stop, cells
        start = stop


def _stop(text: str, start: int, end: int) -> int:
    """Where the cluster that starts here ends: with marks, with what is joined, with a flag's second letter."""
    stop = start + 1
    if text[start] == "\t":
        return stop
    if _FLAG.match(text, start, end):
        stop += 1
    while stop < end and text[stop] != "\t" and get_character_cell_size(text[stop]) == 0:
        stop += 2 if text[stop] == _JOINER else 1
    return min(stop, end)


def snap(text: str, offset: int) -> int:
    """The first place at or after an offset where no cluster is split."""
    if offset <= 0 or offset >= len(text) or is_narrow(text):
        return min(max(0, offset), len(text))
    return next(end for end, _ in clusters(text, 0, len(text)) if end >= offset)


def after_tab(cells: int) -> int:
    """The column that a tab at a column leads to."""
    return cells + TAB - cells % TAB
