"""Keeps one output pane in step with one lane of the state."""

from steer_tui.domain import safe_line
from steer_tui.generation import Cancelled, Done, Failed, Idle, LaneState, RereadFailure, Turn
from steer_tui.tui.screens.turn_notes import turn_notes
from steer_tui.tui.widgets.output import OutputPane
from steer_tui.tui.wording import error_words


class LaneView:
    """Feeds a pane the tokens that it does not have yet, words the foot of its border, and tells what failed."""

    def __init__(self, pane: OutputPane, title: str) -> None:
        self.pane = pane
        pane.border_title = title
        self._prompt: str | None = None
        """The prompt that the pane begins with."""
        self._epoch = 0
        """The epoch of the transcript that the pane shows."""
        self._turns: tuple[Turn, ...] = ()
        """The turns that the pane marks."""
        self._failure: RereadFailure | None = None
        """The failed re-read that was told of."""
        self._told_freely = ""
        """What was last told of a re-read that nobody asked for."""

    def show(self, lane: LaneState, *, stale: bool) -> None:
        """Bring the pane up to what the lane holds, at a cost of the new tokens alone."""
        pane = self.pane
        # While a run has brought nothing yet, the text of the one before stays, unless there was none.
        if lane.made_from is not None and not (lane.anew and pane.token_count):
            self._show_text(lane, lane.made_from[0])
        pane.cursor = lane.is_generating
        words = self._foot(lane, stale)
        if words != pane.border_subtitle:  # setting it draws the whole pane, changed or not
            pane.border_subtitle = words
        self._tell_of_reread(lane)

    def _show_text(self, lane: LaneState, prompt: str) -> None:
        pane, transcript = self.pane, lane.transcript
        kept = min(transcript.rewinds[self._epoch :], default=pane.token_count)
        self._epoch = transcript.epoch
        if prompt != self._prompt or (kept == 0 and pane.token_count):
            self._prompt = prompt
            pane.start(prompt)
        elif kept < pane.token_count:
            pane.rewind(kept)
        if lane.turns is not self._turns:
            self._turns = lane.turns
            pane.annotate(turn_notes(lane.turns))
        if len(transcript) > pane.token_count:
            pane.append(transcript.tokens[pane.token_count :])

    def _tell_of_reread(self, lane: LaneState) -> None:
        """Say why the text could not be read once more, and of re-reads that nobody asked for the same only once."""
        if lane.transcript.reread:
            self._told_freely = ""
        failure = lane.reread_failure
        if failure is None or failure is self._failure:
            return
        self._failure = failure
        if failure.was_asked_for:
            self.pane.notify(error_words(failure.error), severity="error", markup=False)
        elif (words := safe_line(f"Not re-read: {failure.error.message}")) != self._told_freely:
            self._told_freely = words
            self.pane.notify(words, markup=False)

    def _foot(self, lane: LaneState, stale: bool) -> str:
        match lane.phase:
            case Done():
                words = ["done", f"{len(lane.transcript)} tokens"]
            case Cancelled():
                words = ["cancelled"]
            case Failed():
                words = ["failed"]
            case Idle():
                words = []
            case _:
                words = ["following"] if self.pane.following else []
        if lane.came_otherwise:
            words.insert(1, "came otherwise")  # before what a narrow border may cut
        if lane.turns:
            words.append("1 turn" if len(lane.turns) == 1 else f"{len(lane.turns)} turns")
        if lane.turn_error is not None:
            words.append("turn failed")
        if not self.pane.following:
            words.append("paused (End)")
        if stale:
            words.append("stale")
        return " · ".join(words)
