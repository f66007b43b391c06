"""A text that comes again from its beginning, longer each time, as the tokens of a lane."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

from steer_tui.domain import DoneEvent, Event, FinishReason, Lane, RewindEvent, TokenEvent


class GrowingText:
    """What is shown of one lane's text, in the tokens that `cut` makes of what each text adds to the one before.

    Where a text rewrites what stood, the tokens that still hold stay. A tail that may begin a stop text is held back;
    nothing of a stop text is ever shown.
    """

    def __init__(self, lane: Lane, stops: tuple[str, ...], cut: Callable[[str], Iterable[str]]) -> None:
        self.lane = lane
        self.is_done = False
        self._stops = stops
        self._cut = cut
        self._reach = max(map(len, stops), default=1) - 1  # how far behind its beginning a stop text ends
        self._shown = ""
        self._ends: list[int] = []  # where each token ends in what is shown

    @property
    def count(self) -> int:
        """How many tokens are shown."""
        return len(self._ends)

    def take(self, text: str) -> Iterator[Event]:
        """The text as it stands now; a stop text in it ends the lane."""
        at = self._stop_in(text)
        yield from self.show(text[: self._safe_length(text) if at is None else at])
        if at is not None:
            yield self.end(FinishReason.STOP_SEQUENCE)

    def show(self, text: str) -> Iterator[Event]:
        """A text of which nothing is held back."""
        if not text.startswith(self._shown):
            keep = bisect_right(self._ends, _common_length(self._shown, text))
            del self._ends[keep:]
            self._shown = text[: self._ends[-1]] if self._ends else ""
            yield RewindEvent(self.lane, keep)
        end, added = len(self._shown), text[len(self._shown) :]
        self._shown = text
        for token in self._cut(added) if added else ():
            end += len(token)
            self._ends.append(end)
            yield TokenEvent(token, len(self._ends) - 1, self.lane)

    def end(self, reason: FinishReason) -> DoneEvent:
        """The lane's end."""
        self.is_done = True
        return DoneEvent(self.lane, reason)

    def _stop_in(self, text: str) -> int | None:
        """Where the first stop text begins; in what is shown there is none."""
        start = max(0, len(self._shown) - self._reach) if text.startswith(self._shown) else 0
        return min((at for stop in self._stops if (at := text.find(stop, start)) >= 0), default=None)

    def _safe_length(self, text: str) -> int:
        """Length of the part that no stop text to come can reach back into."""
        tails = range(max(0, len(text) - self._reach), len(text))
        return next((at for at in tails if any(stop.startswith(text[at:]) for stop in self._stops)), len(text))


def _common_length(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))
