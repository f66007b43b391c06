"""Keeps one output pane in step with one lane of the state."""

from steer_tui.generation import Cancelled, Done, Failed, Idle, LaneState
from steer_tui.tui.widgets.output import OutputPane


class LaneView:
    """Feeds a pane the tokens that it does not have yet, and words the foot of its border."""

    def __init__(self, pane: OutputPane, title: str) -> None:
        self.pane = pane
        pane.border_title = title
        self._text: tuple[str, int] | None = None
        """The prompt and the epoch of the transcript that the pane shows."""

    def show(self, lane: LaneState, *, stale: bool) -> None:
        """Bring the pane up to what the lane holds, at a cost of the new tokens alone."""
        pane, transcript = self.pane, lane.transcript
        # While a run has brought nothing yet, the text of the one before stays, unless there was none.
        shows_run = not lane.anew or not pane.token_count
        if lane.made_from is not None and shows_run:
            text = (lane.made_from[0], transcript.epoch)
            if self._text != text:
                self._text = text
                pane.start(lane.made_from[0])
            if len(transcript) > pane.token_count:
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
