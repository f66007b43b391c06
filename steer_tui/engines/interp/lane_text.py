"""From the server's tokens to those of a lane: characters whole, no stop text, and no token that ends a text."""

from collections.abc import Iterator

from steer_tui.domain import DoneEvent, Event, FinishReason, Lane, TokenEvent
from steer_tui.engines.interp.answers import TokenLine
from steer_tui.engines.interp.characters import Characters
from steer_tui.engines.texts.markers import may_be_marker
from steer_tui.engines.texts.stop_texts import StopTexts

_ENDS_TURN = frozenset({"<end_of_turn>", "<turn|>", "<|eot_id|>", "<|im_end|>"})
"""Where a chat's answer ends; a server that knows one token of the end alone would write on."""


class LaneText:
    """One lane's text, token by token."""

    def __init__(self, lane: Lane, stops: tuple[str, ...], characters: Characters, *, chat: bool) -> None:
        self.lane = lane
        self.shown: list[int] = []
        """The ids of the tokens that have left, in order."""
        self._stop_texts = StopTexts[int](stops)
        self._characters = characters
        self._chat = chat
        self._pieces: list[int] = []
        self._marker: TokenLine | None = None
        self._turn_has_ended = False

    @property
    def end(self) -> FinishReason | None:
        """Why the lane has ended before the server was done, or None while it has not."""
        if self._stop_texts.stopped:
            return FinishReason.STOP_SEQUENCE
        return FinishReason.COMPLETE if self._turn_has_ended else None

    def take(self, token: TokenLine) -> Iterator[Event]:
        """The events that a token makes; nothing may come after one that ends the lane."""
        yield from self._let_marker_go()
        if self.end is not None:
            return
        if self._chat and token.token_str in _ENDS_TURN:
            yield from self._flush()
            self._turn_has_ended = True
        elif may_be_marker(token.token_str):  # the server says only afterwards whether it has ended the text
            self._marker = token
        else:
            yield from self._push(token)

    def finish(self, reason: FinishReason) -> Iterator[Event]:
        """The last tokens, after which nothing comes: one that has ended the text is not among them."""
        if reason is not FinishReason.COMPLETE:
            yield from self._let_marker_go()
        yield from self._flush()

    def done(self, reason: FinishReason) -> DoneEvent:
        """The lane's end: a stop text at the very end counts before the server's reason."""
        return DoneEvent(self.lane, self.end or reason)

    def _let_marker_go(self) -> Iterator[Event]:
        marker, self._marker = self._marker, None
        if marker is not None:
            yield from self._push(marker)

    def _push(self, token: TokenLine) -> Iterator[Event]:
        self._pieces.append(token.token_id)
        yield from self._leave(self._characters.take(token.token_id, token.token_str))

    def _flush(self) -> Iterator[Event]:
        yield from self._leave(self._characters.end())
        yield from self._events(self._stop_texts.end())

    def _leave(self, texts: list[str]) -> Iterator[Event]:
        """Let as many tokens go, which are the first of those that wait."""
        leaving, self._pieces = self._pieces[: len(texts)], self._pieces[len(texts) :]
        for text, token_id in zip(texts, leaving, strict=True):
            if self.end is None:
                yield from self._events(self._stop_texts.push(text, token_id))

    def _events(self, leaving: list[tuple[str, int]]) -> Iterator[Event]:
        for text, token_id in leaving:
            yield TokenEvent(text, len(self.shown), self.lane)
            self.shown.append(token_id)
