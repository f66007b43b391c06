"""Holds tokens back that may begin a stop text, so that nothing of one is ever shown."""

from typing import Generic, TypeVar

_T = TypeVar("_T")


class StopTexts(Generic[_T]):
    """One lane's way out: what comes token by token, each with its text, leaves in order and without a stop text.

    Tokens leave whole; only one within which a stop text begins has its text cut.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held: list[tuple[str, _T]] = []
        self.stopped = False
        """Whether a stop text has come: everything before it has left, and nothing more may be pushed."""

    def push(self, text: str, token: _T) -> list[tuple[str, _T]]:
        """Take the next token; give those that may leave now, with their texts."""
        if not self._stops:
            return [(text, token)]
        self._held.append((text, token))
        if not text:
            return []  # a piece of a character, which leaves with the others or goes with the stop text
        held = "".join(text for text, _ in self._held)
        at = self._stop_in(held)
        return self._leave(self._safe_length(held)) if at is None else self._cut(at)

    def end(self) -> list[tuple[str, _T]]:
        """Give what is still held: a stop text that has only begun is none."""
        leaving, self._held = self._held, []
        return leaving

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
