"""A growing text with notes in it, which are drawn and wrapped as text is, and are no part of it."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from steer_tui.tui.widgets.output.tokens import TokenMarks
from steer_tui.tui.widgets.output.wrapped import WrappedText


@dataclass(frozen=True, slots=True)
class Note:
    """Words that are drawn before a token."""

    index: int
    """The token, which may not have come yet."""
    words: str


class NotedText:
    """A prompt, the tokens after it, and notes among them: in `wrapped` as lines, in `marks` as pieces."""

    def __init__(self, prompt: str = "", width: int = 80) -> None:
        self.wrapped = WrappedText(prompt, width)
        self.marks = TokenMarks(prompt)
        self._notes: tuple[Note, ...] = ()
        self._to_come: tuple[Note, ...] = ()
        """Those of the notes whose place in the text is not there yet."""

    def append(self, tokens: Sequence[str]) -> int:
        """Add tokens at the end, with the notes that belong there, and return the first row that changed."""
        if not self._to_come:
            return self._put(tokens)
        row, begin, count = len(self.wrapped.lines) - 1, 0, len(self.marks)
        for note in takewhile(lambda note: note.index <= count + len(tokens), self._to_come):
            self._put(tokens[begin : note.index - count])
            begin = note.index - count
            self.marks.note(len(note.words))
            self.wrapped.append(note.words)
        self._put(tokens[begin:])
        self._to_come = self._notes[self.marks.note_count :]
        return row

    def rewind(self, keep: int) -> None:
        """Keep only the first tokens, and the notes before them."""
        self._notes = self._notes[: bisect_left(self._notes, keep, key=lambda note: note.index)]
        self._to_come = ()
        self._cut(keep)

    def moves(self, notes: Sequence[Note]) -> bool:
        """Whether something that is shown would stand elsewhere, or be gone, if the notes were these."""
        return self._first_moved(notes) is not None

    def annotate(self, notes: Sequence[Note]) -> int:
        """Have these notes, in the order of their tokens and no two at one, and return the first row that changed.

        What it costs grows with the text after the first note that is another one, and with nothing else.
        """
        first, row = self._first_moved(notes), len(self.wrapped.lines) - 1
        tokens: list[str] = []
        if first is not None:
            tokens = self._tokens(first)
            row = self._cut(first)
        self._notes = tuple(notes)
        self._to_come = self._notes[self.marks.note_count :]
        self.append(tokens)
        return row

    def without_notes(self, first: int, last: int) -> str:
        """What stands between two offsets, as it came."""
        text, pieces = str(self.wrapped), []
        for start, end in self.marks.notes():
            pieces.append(text[first : min(start, last)])
            first = max(first, end)
        return "".join([*pieces, text[first:last]])

    def _put(self, tokens: Sequence[str]) -> int:
        self.marks.extend(tokens)
        return self.wrapped.append("".join(tokens))

    def _first_moved(self, notes: Sequence[Note]) -> int | None:
        """The first token that would stand elsewhere with these notes, which may be the next one."""
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(self._notes, notes, strict=False)))
        index = min((note.index for note in (*self._notes[same : same + 1], *notes[same : same + 1])), default=None)
        moved = same < self.marks.note_count or (index is not None and index < len(self.marks))
        return index if moved else None

    def _tokens(self, first: int) -> list[str]:
        offset = self.marks.end(first)
        row = self.wrapped.row_at(offset)
        base = self.wrapped.starts[row]
        tail = "".join(self.wrapped.lines[row:])
        return [tail[start - base : end - base] for start, end in self.marks.tokens(first)]

    def _cut(self, keep: int) -> int:
        """Keep only the first tokens and return the first row that changed."""
        self.marks.truncate(keep)
        return self.wrapped.truncate(self.marks.end(keep))
