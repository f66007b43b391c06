"""Where each token of a text ends, and what kind it is, in five bytes a token; and where notes stand among them."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import accumulate


class TokenKind(IntEnum):
    """What a piece of the text is, and so the style in which it is drawn."""

    PLAIN = 0
    """A token."""
    NOTE = 1
    """What is drawn between two tokens, is no part of the text, and counts as none."""
    PROMPT = 2
    """The prompt, which stands before the first token and counts as none."""


class TokenMarks:
    """The ends and kinds of a prompt, of the tokens after it and of notes; objects would cost twenty times the memory.

    Prompt, tokens and notes are pieces in one row: the prompt is the first of them, and each token's place in it is its
    index, and one more, and one more for each note before it.
    """

    def __init__(self, prompt: str = "") -> None:
        self._ends = array("I", [len(prompt)])
        self._kinds = bytearray([TokenKind.PROMPT])
        self._noted = array("I")
        """For each note the index of the token that it stands before, two never at the same."""

    def __len__(self) -> int:
        """The number of tokens, without prompt and notes."""
        return len(self._ends) - 1 - len(self._noted)

    @property
    def note_count(self) -> int:
        """The number of notes."""
        return len(self._noted)

    def extend(self, tokens: Sequence[str]) -> None:
        """Add tokens."""
        ends = accumulate(map(len, tokens), initial=self._ends.pop())
        self._ends.extend(ends)
        self._kinds.extend(bytes(len(tokens)))

    def note(self, length: int) -> None:
        """Add a note of so many characters, before the next token."""
        self._noted.append(len(self))
        self._ends.append(self._ends[-1] + length)
        self._kinds.append(TokenKind.NOTE)

    def truncate(self, count: int) -> None:
        """Keep only the first tokens, and the notes that stand before them."""
        notes = bisect_left(self._noted, count)
        del self._ends[count + notes + 1 :]
        del self._kinds[count + notes + 1 :]
        del self._noted[notes:]

    def end(self, count: int) -> int:
        """The length of the prompt and its first `count` tokens in characters, notes between them included."""
        return self._ends[count + bisect_left(self._noted, count)]

    def notes(self) -> Iterator[tuple[int, int]]:
        """The offsets at which each note starts and ends."""
        for place, index in enumerate(self._noted, 1):
            yield self._ends[index + place - 1], self._ends[index + place]

    def tokens(self, first: int) -> Iterator[tuple[int, int]]:
        """The offsets at which each token from the one at index `first` on starts and ends."""
        for index in range(first, len(self)):
            place = index + 1 + bisect_right(self._noted, index)
            yield self._ends[place - 1], self._ends[place]

    def runs(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The kinds between two offsets as runs of the same kind: where each run ends, and its kind."""
        if start >= end:
            return
        token = bisect_right(self._ends, start)
        kind = self._kinds[token]
        while self._ends[token] < end:
            if self._kinds[token + 1] != kind:
                yield self._ends[token], kind
                kind = self._kinds[token + 1]
            token += 1
        yield end, kind
