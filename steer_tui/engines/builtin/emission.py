"""From the bytes of sampled tokens to the texts that leave the engine, without stop texts and broken characters."""

from typing import Generic, TypeVar

from steer_tui.engines.builtin.tokenizer import TextDecoder

_T = TypeVar("_T")


class Emission(Generic[_T]):
    """One lane's way out: holds back tokens that may begin a stop text or that end within a character.

    Tokens leave in order and whole, one text each; only a token within which a stop text begins has its text cut.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._decoder = TextDecoder()
        self._held: list[tuple[str, _T]] = []
        self.stopped = False
        """Whether a stop text has come: everything before it has left, and nothing more may be pushed."""

    def push(self, token_bytes: bytes, token: _T) -> list[tuple[str, _T]]:
        """Take the next token; give those that may leave now, with their texts."""
        self._held.append((self._decoder.feed(token_bytes), token))
        if not self._stops and not self._decoder.pending:
            leaving, self._held = self._held, []
            return leaving
        text = self._held_text()
        if (at := self._stop_in(text)) is not None:
            return self._cut(at)
        return [] if self._decoder.pending else self._leave(self._safe_length(text))

    def end(self) -> list[tuple[str, _T]]:
        """Give what is still held; an unfinished character becomes U+FFFD on the last token."""
        if self._held:
            text, token = self._held[-1]
            self._held[-1] = (text + self._decoder.flush(), token)
        text = self._held_text()
        at = self._stop_in(text)
        return self._leave(len(text)) if at is None else self._cut(at)

    def _held_text(self) -> str:
        return "".join(text for text, _ in self._held)

    def _stop_in(self, text: str) -> int | None:
        return min((at for stop in self._stops if (at := text.find(stop)) >= 0), default=None)

    def _safe_length(self, text: str) -> int:
        """Length of the part that no stop text to come can reach back into."""
        beginnings = (at for at in range(len(text)) if any(stop.startswith(text[at:]) for stop in self._stops))
        return next(beginnings, len(text))

    def _leave(self, length: int) -> list[tuple[str, _T]]:
        """Let the tokens go that lie within the first `length` characters."""
        count, end = 0, 0
        for text, _ in self._held:
            end += len(text)
            if end > length:
                break
            count += 1
        leaving, self._held = self._held[:count], self._held[count:]
        return leaving

    def _cut(self, length: int) -> list[tuple[str, _T]]:
        """Let the first `length` characters go, and drop the rest for good."""
        leaving: list[tuple[str, _T]] = []
        for text, token in self._held:
            if length <= 0:
                break
            leaving.append((text[:length], token))
            length -= len(text)
        self._held = []
        self.stopped = True
        return leaving
