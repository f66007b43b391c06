"""From the bytes of sampled tokens to the texts that leave the engine, without stop texts and broken characters."""

from typing import Generic, TypeVar

from steer_tui.engines.builtin.tokenizer import TextDecoder
from steer_tui.engines.texts.stop_texts import StopTexts

_T = TypeVar("_T")


class Emission(Generic[_T]):
    """One lane's way out: holds back tokens that may begin a stop text or that end within a character.

    Tokens leave in order and whole, one text each; only a token within which a stop text begins has its text cut.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._decoder = TextDecoder()
        self._stop_texts = StopTexts[_T](stops)
        self._unfinished: list[tuple[str, _T]] = []  # tokens of a character that is not whole

    @property
    def stopped(self) -> bool:
        """Whether a stop text has come: everything before it has left, and nothing more may be pushed."""
        return self._stop_texts.stopped

    def push(self, token_bytes: bytes, token: _T) -> list[tuple[str, _T]]:
        """Take the next token; give those that may leave now, with their texts."""
        self._unfinished.append((self._decoder.feed(token_bytes), token))
        return [] if self._decoder.pending else self._leave()

    def end(self) -> list[tuple[str, _T]]:
        """Give what is still held; an unfinished character becomes U+FFFD on the last token."""
        if self._unfinished:
            text, token = self._unfinished[-1]
            self._unfinished[-1] = (text + self._decoder.flush(), token)
        return [*self._leave(), *self._stop_texts.end()]

    def _leave(self) -> list[tuple[str, _T]]:
        finished, self._unfinished = self._unfinished, []
        leaving: list[tuple[str, _T]] = []
        for text, token in finished:
            if not self.stopped:
                leaving += self._stop_texts.push(text, token)
        return leaving
