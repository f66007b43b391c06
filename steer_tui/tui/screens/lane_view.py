"""Keeps one output pane in step with one lane of the state."""

from steer_tui.generation import Cancelled, Done, Failed, Idle, LaneState
from steer_tui.tui.widgets.output import OutputPane


class LaneView:
    """Feeds a pane the tokens that it does not have yet, and words the foot of its border."""

    def __init__(self, pane: OutputPane, title: str) -> None:
        self.pane = pane
        pane.border_title = title
        self._epoch = -1
        self._prompt: str | None = None

    def show(self, lane: LaneState, *, stale: bool) -> None:
        """Bring the pane up to what the lane holds, at a cost of the new tokens alone."""
        pane, transcript = self.pane, lane.transcript
        if lane.made_from is not None and not lane.anew and (self._prompt, self._epoch) != (
            lane.made_from[0],
            transcript.epoch,
        ):
            self._prompt, self._epoch = lane.made_from[0], transcript.epoch
            pane.start(self._prompt)
        if not lane.anew and len(transcript) > pane.token_count:
            pane.append(transcript.tokens[pane.token_count :])
        pane.cursor = lane.is_generating
        pane.border_subtitle = self._foot(lane, stale)

    def _foot(self, lane: LaneState, stale: bool) -> str:
        tokens = len(lane.transcript)
        match lane.phase:
            case Done():
                words = [f"done · {tokens} tokens"]
            case Cancelled():
                words = ["cancelled"]
            case Failed():
                words = ["failed"]
            case Idle():
                words = []
            case _:
                words = ["following"] if self.pane.following else []
        if not self.pane.following:
            words.append("paused (End)")
        if stale:
            words.append("stale")
        return " · ".join(words)
