"""From texts that are sent from their beginning, again and again, to tokens: each is what a text has over the last.

The server tells no tokens, but sends a frame for each.
"""

import re
from collections.abc import Iterator

from steer_tui.domain import DoneEvent, Event, FinishReason, Lane, RewindEvent, TokenEvent
from steer_tui.engines.inference_server.answers import Snapshot

_END_OF_TEXT = re.compile(r"<\|[\w .\-]{1,40}\|>|<｜[\w▁ .\-]{1,40}｜>|</s>|<eos>|<end_of_turn>|<turn\|>")


class GrowingText:
    """One lane's text as it grows."""

    def __init__(self, lane: Lane, stops: tuple[str, ...], prompt: str) -> None:
        self._lane = lane
        self._stops = stops
        self._prompt = prompt
        self._frames = 0
        self._skip = 0
        self._latest = Snapshot(text="", raw="")
        self._shown = ""
        self._end = ""  # the latest token, if it is one that ends a text
        self._ends: list[int] = []  # where each token ends in what is shown
        self.has_stopped = False
        """Whether a stop text has come: the lane is done."""

    @property
    def is_empty(self) -> bool:
        """Whether the model has not written anything."""
        return not self._latest.raw

    def take(self, snapshot: Snapshot) -> Iterator[Event]:
        """The events that a frame makes."""
        self._frames += 1
        if self.is_empty and snapshot.raw:
            self._skip = _length_of_prompt(self._prompt, snapshot.raw)
        if self._skip:
            snapshot = Snapshot(text=snapshot.text[self._skip :], raw=snapshot.raw[self._skip :])
        before, self._latest = self._latest, snapshot
        added = _added(before.text, snapshot.text)
        self._end = added if _END_OF_TEXT.fullmatch(added) else ""
        if self._end:
            return  # where it is the last one, it is no part of the text
        text = snapshot.text
        if self._stops:
            end = self._stop_in(text)
            self.has_stopped = end is not None
            text = text[: self._safe_length(text) if end is None else end]
        yield from self._show(text)
        if self.has_stopped:
            yield DoneEvent(self._lane, FinishReason.STOP_SEQUENCE)

    def finish(self, budget: int) -> Iterator[Event]:
        """The events that end the lane, after all frames: `budget` is how many tokens the server could write."""
        yield from self._show(self._latest.text.removesuffix(self._end))
        is_whole = bool(self._end) or self._ends_its_turn or self._frames < budget
        yield DoneEvent(self._lane, FinishReason.COMPLETE if is_whole else FinishReason.MAX_TOKENS)

    @property
    def _ends_its_turn(self) -> bool:
        """Whether the model has ended its turn of a chat by a token that is not shown."""
        raw = self._latest.raw.rstrip()
        last = max(raw.rfind("<"), 0)
        return self._latest.text != self._latest.raw and _END_OF_TEXT.fullmatch(raw, last) is not None

    def _show(self, text: str) -> Iterator[Event]:
        if not text.startswith(self._shown):
            kept = _common_length(self._shown, text)
            while self._ends and self._ends[-1] > kept:
                self._ends.pop()
            self._shown = self._shown[: self._ends[-1] if self._ends else 0]
            yield RewindEvent(self._lane, keep=len(self._ends))
        token = text[len(self._shown) :]
        if token:
            yield TokenEvent(token, len(self._ends), self._lane)
            self._ends.append(len(text))
            self._shown = text

    def _stop_in(self, text: str) -> int | None:
        return min((at for stop in self._stops if (at := text.find(stop)) >= 0), default=None)

    def _safe_length(self, text: str) -> int:
        """Length of the part that no stop text to come can reach back into."""
        first = max(0, len(text) - max(map(len, self._stops)) + 1)
        beginnings = (at for at in range(first, len(text)) if any(stop.startswith(text[at:]) for stop in self._stops))
        return next(beginnings, len(text))


def _added(before: str, text: str) -> str:
    return text[len(before) :] if text.startswith(before) else ""


def _length_of_prompt(prompt: str, first: str) -> int:
    """How much of the first frame is the prompt, which servers before August 2026 send along.

    A single token never holds a prompt of several words, so that a text which repeats its prompt is left alone.
    """
    if len(prompt.split()) < 2:
        return 0
    before = _END_OF_TEXT.match(first) or re.match(r"<bos>|<s>", first)
    start = before.end() if before else 0
    return start + len(prompt) if first.startswith(prompt, start) else 0


def _common_length(one: str, other: str) -> int:
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)
