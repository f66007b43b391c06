"""From a text that comes again and again, longer each time, to the tokens of a lane."""

import re
from bisect import bisect_right
from collections.abc import Iterator

from steer_tui.domain import DoneEvent, Event, FinishReason, Lane, RewindEvent, Sampling, TokenEvent
from steer_tui.engines.neuronpedia.answers import LaneText

_WORD = re.compile(r"\s*\S+(?:\s+$)?|\s+")


class LaneTokens:
    """One lane's tokens: what each text adds to the one before, a word each where it adds several.

    The service tells no token boundaries. Where it rewrites what stood, the tokens that still hold stay. A tail that
    may begin a stop text is held back; nothing of a stop text is ever shown.
    """

    def __init__(self, lane: Lane, sampling: Sampling) -> None:
        self.lane = lane
        self.has_begun = False
        self.is_done = False
        self._sampling = sampling
        self._reach = max(map(len, sampling.stop), default=1) - 1  # how far behind its beginning a stop text ends
        self._latest = LaneText("")
        self._shown = ""
        self._ends: list[int] = []  # where each token ends in what is shown
        self._arrivals = 0

    def take(self, latest: LaneText) -> Iterator[Event]:
        """The text as it stands now."""
        self.has_begun = True
        if self.is_done or latest.text == self._latest.text:
            self._latest = latest
            return
        self._latest = latest
        self._arrivals += 1
        at = self._stop_in(latest.text)
        yield from self._show(latest.text[: self._safe_length(latest.text)] if at is None else latest.text[:at])
        if at is not None:
            yield self._finish(FinishReason.STOP_SEQUENCE)

    def end(self) -> Iterator[Event]:
        """The text is whole: what was held back, and the lane's end."""
        if not self.is_done:
            yield from self._show(self._latest.text)
            yield self._finish(self._reason())

    def _finish(self, reason: FinishReason) -> DoneEvent:
        self.is_done = True
        return DoneEvent(self.lane, reason)

    def _reason(self) -> FinishReason:
        """Why a text without a stop text has ended, as far as can be known: nobody tells how many tokens it has.

        A text that grew before our eyes has about as many as are shown. One that came at once surely has fewer than it
        might have had where it has fewer characters.
        """
        count = len(self._ends) if self._arrivals > 1 else len(self._latest.text)
        ended = self._latest.ended or count < self._sampling.max_tokens
        return FinishReason.COMPLETE if ended else FinishReason.MAX_TOKENS

    def _show(self, text: str) -> Iterator[Event]:
        if not text.startswith(self._shown):
            keep = bisect_right(self._ends, _common_length(self._shown, text))
            del self._ends[keep:]
            self._shown = text[: self._ends[-1]] if self._ends else ""
            yield RewindEvent(self.lane, keep)
        start, self._shown = len(self._shown), text
        for match in _WORD.finditer(text, start):
            self._ends.append(match.end())
            yield TokenEvent(match.group(), len(self._ends) - 1, self.lane)

    def _stop_in(self, text: str) -> int | None:
        """Where the first stop text begins; in what is shown there is none."""
        start = max(0, len(self._shown) - self._reach) if text.startswith(self._shown) else 0
        return min((at for stop in self._sampling.stop if (at := text.find(stop, start)) >= 0), default=None)

    def _safe_length(self, text: str) -> int:
        """Length of the part that no stop text to come can reach back into."""
        tails = range(max(0, len(text) - self._reach), len(text))
        return next((at for at in tails if any(s.startswith(text[at:]) for s in self._sampling.stop)), len(text))


def _common_length(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))
