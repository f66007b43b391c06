"""From frames that each hold a text from its beginning to tokens: the server tells none, but sends a frame for each."""

from collections.abc import Iterator

from steer_tui.domain import Event, FinishReason, Lane
from steer_tui.engines.inference_server.answers import Snapshot
from steer_tui.engines.texts.growing import GrowingText
from steer_tui.engines.texts.markers import end_marker
from steer_tui.engines.texts.repeated_prompt import length_of_prompt


class LaneText:
    """One lane's text, frame by frame."""

    def __init__(self, lane: Lane, stops: tuple[str, ...], prompt: str) -> None:
        self._growing = GrowingText(lane, stops, lambda added: (added,))
        self._prompt = prompt
        self._frames = 0
        self._skip = 0
        self._latest = Snapshot(text="", raw="")
        self._end = ""  # the latest token, if it is one that ends a text

    @property
    def is_done(self) -> bool:
        """Whether the lane has ended."""
        return self._growing.is_done

    @property
    def is_empty(self) -> bool:
        """Whether the model has not written anything."""
        return not self._latest.raw

    def take(self, snapshot: Snapshot) -> Iterator[Event]:
        """The events that a frame makes."""
        self._frames += 1
        if self.is_empty and snapshot.raw:
            self._skip = length_of_prompt(self._prompt, snapshot.raw)
        if self._skip:
            snapshot = Snapshot(text=snapshot.text[self._skip :], raw=snapshot.raw[self._skip :])
        before, self._latest = self._latest, snapshot
        added = snapshot.text[len(before.text) :] if snapshot.text.startswith(before.text) else ""
        self._end = added if end_marker(added) == added else ""
        if not self._end:  # where it is the last one, it is no part of the text
            yield from self._growing.take(snapshot.text)

    def finish(self, budget: int) -> Iterator[Event]:
        """The events that end the lane, after all frames: `budget` is how many tokens the server could write."""
        yield from self._growing.show(self._latest.text.removesuffix(self._end))
        is_whole = bool(self._end) or self._ends_its_turn or self._frames < budget
        yield self._growing.end(FinishReason.COMPLETE if is_whole else FinishReason.MAX_TOKENS)

    @property
    def _ends_its_turn(self) -> bool:
        """Whether the model has ended its turn of a chat by a token that is not shown."""
        return self._latest.text != self._latest.raw and end_marker(self._latest.raw.rstrip()) != ""
