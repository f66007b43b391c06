"""Characters that are split over tokens, put together where the model's own tokenizer is at hand.

The server decodes each token alone: a piece of a character arrives as U+FFFD, and some tokenizers leave out the space
before a word.
"""

import logging
from collections.abc import Sequence

from steer_tui.engines.interp.tokenizer import Decodes

SPACELESS_WARNING = (
    "The words of this model come without the spaces between them, for the server decodes each token alone; "
    "with the extra `local` and the model's folder as --model they are shown as they are."
)
"""What the screen says where the server's tokens lack them and no tokenizer is at hand."""

_BROKEN = "\ufffd"
_UNFINISHED_MAX = 3
"""A character has four bytes at most, so that more tokens than this do not wait for another."""
_BEFORE = 8
"""Tokens of the prompt that a text is decoded behind, so that its first word has its space."""

_log = logging.getLogger(__name__)


class Characters:
    """One text's tokens: their characters as they become whole."""

    def __init__(self, tokenizer: Decodes | None, prompt: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        self._before = list(prompt[-_BEFORE:])
        self._pieces: list[int] = []

    def take(self, token_id: int, token_str: str) -> list[str]:
        """The texts of the tokens that leave, in order; those of a character that is not whole wait.

        A character stands with the last of its tokens.
        """
        if self._tokenizer is None:
            return [token_str]
        if not self._pieces and self._tokenizer.decode([token_id], skip_special_tokens=False) != token_str:
            _log.warning("the tokenizer at hand is not the model's: it reads token %d as another text", token_id)
            self._tokenizer = None
            return [token_str]
        self._pieces.append(token_id)
        return self._leave(self._tokenizer, self._whole(self._tokenizer))

    def end(self) -> list[str]:
        """The texts of the tokens whose character did not become whole."""
        if self._tokenizer is None or not self._pieces:
            return []
        return self._leave(self._tokenizer, [len(self._pieces)])

    def _whole(self, tokenizer: Decodes) -> list[int]:
        """How many tokens leave, group by group: what was broken and waited, and what is whole."""
        pieces = self._pieces
        starts = range(len(pieces))
        # Some tokenizers decode all that stands beside a broken byte as broken: a whole character stands without it.
        for start in starts:
            text = _decoded(tokenizer, pieces[start:])
            if not text.endswith(_BROKEN) and (text or start == 0):
                return [count for count in (start, len(pieces) - start) if count]
        if len(pieces) <= _UNFINISHED_MAX:
            return []
        # What waits from here on must not be the rest of a character that has begun before.
        parts = [start for start in starts[-_UNFINISHED_MAX:] if self._parts_at(tokenizer, start)]
        return [parts[0] if parts else len(pieces)]

    def _parts_at(self, tokenizer: Decodes, start: int) -> bool:
        """Whether the tokens on both sides are the same apart as together."""
        pieces = self._pieces
        apart = _decoded(tokenizer, pieces[:start]) + _decoded(tokenizer, pieces[start:])
        return apart == _decoded(tokenizer, pieces)

    def _leave(self, tokenizer: Decodes, counts: Sequence[int]) -> list[str]:
        texts: list[str] = []
        for count in counts:
            leaving, self._pieces = self._pieces[:count], self._pieces[count:]
            text = self._behind(tokenizer, leaving)
            if _BROKEN not in text:
                self._before = leaving
            texts += [""] * (count - 1) + [text]
        return texts

    def _behind(self, tokenizer: Decodes, pieces: list[int]) -> str:
        """The text of tokens behind those before, unless that would change what these are."""
        before = _decoded(tokenizer, self._before)
        text = _decoded(tokenizer, [*self._before, *pieces])
        is_behind = _BROKEN not in before and text.startswith(before)
        return text[len(before) :] if is_behind else _decoded(tokenizer, pieces)


def _decoded(tokenizer: Decodes, ids: Sequence[int]) -> str:
    return tokenizer.decode(list(ids), skip_special_tokens=False)
