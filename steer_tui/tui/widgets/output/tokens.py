"""Where each token of a text ends, and what kind it is, in five bytes a token."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import accumulate


class TokenKind(IntEnum):
    """What a token is, and so the style in which it is drawn."""

    PLAIN = 0
    """Text like any other."""
    FRESH = 1
    """A token that came since the last turn of a dial."""
    PROMPT = 2
    """The prompt, which stands before the first token and counts as none."""


class TokenMarks:
    """The ends and kinds of a prompt and of the tokens after it; objects would cost twenty times the memory."""

    def __init__(self, prompt: str = "") -> None:
        self._ends = array("I", [len(prompt)])
        self._kinds = bytearray([TokenKind.PROMPT])

    def __len__(self) -> int:
        """The number of tokens, without the prompt."""
        return len(self._ends) - 1

    def extend(self, tokens: Sequence[str], kind: int) -> None:
        """Add tokens of one kind."""
        ends = accumulate(map(len, tokens), initial=self._ends.pop())
        self._ends.extend(ends)
        self._kinds.extend(bytes([kind]) * len(tokens))

    def truncate(self, count: int) -> None:
        """Keep only the first tokens."""
        del self._ends[count + 1 :]
        del self._kinds[count + 1 :]

    def end(self, count: int) -> int:
        """The length of the prompt and its first `count` tokens in characters."""
        return self._ends[count]

    def set_kinds(self, first: int, kinds: Sequence[int]) -> None:
        """Give tokens, from the one at index `first` on, other kinds."""
        last = min(first + len(kinds), len(self))
        self._kinds[first + 1 : last + 1] = bytes(kinds[: last - first])

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
