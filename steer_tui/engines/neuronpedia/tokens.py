"""From a text that comes again and again, longer each time, to the tokens of a lane."""

import re
from collections.abc import Iterator

from steer_tui.domain import Event, FinishReason, Lane, Sampling
from steer_tui.engines.neuronpedia.answers import LaneText
from steer_tui.engines.texts.growing import GrowingText

_WORD = re.compile(r"\s*\S+(?:\s+$)?|\s+")


class LaneTokens:
    """One lane's tokens, a word each where a text adds several: the service tells no token boundaries."""

    def __init__(self, lane: Lane, sampling: Sampling) -> None:
        self.lane = lane
        self.has_begun = False
        self._growing = GrowingText(lane, sampling.stop, _WORD.findall)
        self._max_tokens = sampling.max_tokens
        self._latest = LaneText("")
        self._arrivals = 0

    @property
    def is_done(self) -> bool:
        """Whether the lane has ended."""
        return self._growing.is_done

    def take(self, latest: LaneText) -> Iterator[Event]:
        """The text as it stands now."""
        self.has_begun = True
        before, self._latest = self._latest, latest
        if not self.is_done and latest.text != before.text:
            self._arrivals += 1
            yield from self._growing.take(latest.text)

    def end(self) -> Iterator[Event]:
        """The text is whole: what was held back, and the lane's end."""
        if not self.is_done:
            yield from self._growing.show(self._latest.text)
            yield self._growing.end(self._reason())

    def _reason(self) -> FinishReason:
        """Why a text without a stop text has ended, as far as can be known: nobody tells how many tokens it has.

        A text that grew before our eyes has about as many as are shown. One that came at once surely has fewer than it
        might have had where it has fewer characters.
        """
        count = self._growing.count if self._arrivals > 1 else len(self._latest.text)
        ended = self._latest.ended or count < self._max_tokens
        return FinishReason.COMPLETE if ended else FinishReason.MAX_TOKENS
