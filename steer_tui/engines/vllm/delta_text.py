"""From what each frame adds to a lane's text to tokens."""

from collections import deque
from collections.abc import Iterator, Sequence

from steer_tui.domain import DoneEvent, Event, FinishReason, Lane, Overloaded, TokenEvent, Truncated
from steer_tui.engines.vllm.answers import Choice, Piece


class DeltaText:
    """One lane's text, frame by frame.

    A server under load puts several tokens into a frame, and one that looks out for stop texts sends a token's text
    later than its log-probability. So the tokens that are named wait for their texts: where these come side by side
    as the text, each is a token, and one that comes in parts has no probability; else the frame's whole text is one.
    A frame without text holds a part of a character, or the token that ends the text, and adds none.
    """

    def __init__(self, lane: Lane, temperature: float) -> None:
        self.lane = lane
        # Servers tell the model's own probabilities, which those of other temperatures are not.
        self._tells_probabilities = temperature in (0.0, 1.0)
        self._count = 0
        self._waiting: deque[Piece] = deque()
        self._end: FinishReason | None = None

    def take(self, choice: Choice) -> Iterator[Event]:
        """The events that a frame makes."""
        if choice.finish_reason is not None:
            self._end = _reason(choice)
        self._waiting.extend(choice.pieces)
        for piece in self._parted(choice.written):
            yield TokenEvent(piece.text, self._count, self.lane, piece.logprob if self._tells_probabilities else None)
            self._count += 1

    def done(self) -> DoneEvent:
        """The lane's end, or `Truncated` where the server has not said why the text ends."""
        if self._end is None:
            raise Truncated("The server ended the stream in the middle of the text.")
        return DoneEvent(self.lane, self._end)

    def _parted(self, text: str) -> Sequence[Piece]:
        """The tokens that a frame's text is, taken from those that wait."""
        parts: list[Piece] = []
        rest, is_whole = text, True
        while rest and self._waiting:
            piece = self._waiting.popleft()
            if rest.startswith(piece.text):
                rest = rest[len(piece.text) :]
                parts += [piece if is_whole else Piece(piece.text, None)] if piece.text else []
                is_whole = piece.text != ""  # what has no text of its own is a part of the next one's character
            elif piece.text.startswith(rest):
                self._waiting.appendleft(Piece(piece.text[len(rest) :], None))
                parts.append(Piece(rest, None))
                rest = ""
            else:
                break
        if not rest:
            return parts
        self._waiting.clear()
        return [Piece(text, None)]


def _reason(choice: Choice) -> FinishReason:
    match choice.finish_reason:
        case "length":
            return FinishReason.MAX_TOKENS
        case "abort":
            raise Overloaded("The server gave the generation up before its end.")
        case "stop" if isinstance(choice.stop_reason, str):
            return FinishReason.STOP_SEQUENCE
        case _:
            return FinishReason.COMPLETE
