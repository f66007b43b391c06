"""A growing text in wrapped lines."""

from array import array
from bisect import bisect_right

from steer_tui.tui.widgets.output.cells import drawable, is_narrow, snap
from steer_tui.tui.widgets.output.wrap import line_ends


class WrappedText:
    """Text as it came, one string a line, so that the lines joined are the text and nothing is held twice."""

    def __init__(self, text: str = "", width: int = 80) -> None:
        self.width = width
        """The width in cells that the text is wrapped to."""
        self.lines: list[str] = [""]
        """The lines, each with the spaces that hang at its end and the newline that ends it."""
        self.starts = array("I", [0])
        """The offset in the text at which each line starts."""
        self.append(text)

    def __len__(self) -> int:
        return self.starts[-1] + len(self.lines[-1])

    def __str__(self) -> str:
        return "".join(self.lines)

    def append(self, text: str) -> int:
        """Add text at the end and return the first row that changed: only the last line is wrapped again."""
        row = len(self.lines) - 1
        tail = self.lines[row] + text
        if len(tail) <= self.width and is_narrow(tail):
            self.lines[row] = tail
        else:
            self._wrap_from(row, tail)
        return row

    def truncate(self, length: int) -> int:
        """Keep only so many characters and return the first row that changed, at the start of a paragraph.

        A word cut short may fit at the end of the line before, so its whole paragraph is wrapped again.
        """
        last = row = self.row_at(length)
        while row > 0 and not self.lines[row - 1].endswith("\n"):
            row -= 1
        start = self.starts[row]
        self._wrap_from(row, "".join(self.lines[row : last + 1])[: length - start])
        return row

    def rewrap(self, width: int) -> None:
        """Wrap the whole text to another width."""
        self.width = width
        self._wrap_from(0, str(self))

    def row_at(self, offset: int) -> int:
        """The row of the line that holds the character at an offset, or the last row at the end of the text."""
        return bisect_right(self.starts, offset) - 1

    def snap(self, offset: int) -> int:
        """The first offset at or after this one where no cluster is split."""
        row = self.row_at(offset)
        start = self.starts[row]
        return start + snap(drawable(self.lines[row].removesuffix("\n")), offset - start)

    def _wrap_from(self, row: int, text: str) -> None:
        """Replace the lines from a row on by this text, wrapped."""
        base = self.starts[row]
        ends = line_ends(drawable(text), self.width)
        starts = [0, *ends[:-1]]
        self.lines[row:] = [text[start:end] for start, end in zip(starts, ends, strict=True)]
        self.starts[row:] = array("I", [base + start for start in starts])
