"""Keeps a lane's bytes whole: which tokens may come next, so that no character is ever broken or left unfinished."""

import codecs
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_REPLACEMENT = "\ufffd"


class Spellings:
    """What the bytes of a vocabulary's tokens do to the character that they find unfinished."""

    def __init__(self, token_bytes: Sequence[bytes]) -> None:
        self._token_bytes = token_bytes
        self.is_plain = tuple(map(bytes.isascii, token_bytes))
        """[vocabulary] whether a token is all ASCII, and so may come wherever no character is unfinished.

        So it is with the end of text, which has no bytes.
        """
        self._others = tuple(token for token, plain in enumerate(self.is_plain) if not plain)
        self._plain = np.array(self.is_plain)

    def after(self, unfinished: bytes, token: int) -> bytes | None:
        """The bytes of a character that the token leaves unfinished, or None where it breaks one.

        U+FFFD, which stands for a broken character, counts as one.
        """
        if self.is_plain[token]:
            return None if unfinished else b""
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            text = decoder.decode(unfinished + self._token_bytes[token])
        except UnicodeDecodeError:
            return None
        rest = decoder.getstate()[0]
        # The decoder finds fault with the half of a surrogate pair only once it is whole.
        return None if _REPLACEMENT in text or b"\xed\xa0" <= rest < b"\xee" else rest

    def admitted(self, unfinished: bytes, left: int) -> NDArray[np.bool_]:
        """[vocabulary] whether a token may come, if `left` more may follow it to finish the character."""
        admitted = np.zeros(len(self._token_bytes), np.bool_) if unfinished else self._plain.copy()
        for token in self._others:
            admitted[token] = _can_finish(self.after(unfinished, token), left)
        return admitted


class Unfinished:
    """The character that a lane's tokens have begun and not yet finished; none at first."""

    def __init__(self, spellings: Spellings) -> None:
        self._spellings = spellings
        self._bytes = b""

    def admits(self, token: int, left: int) -> bool:
        """Whether the token may come, if `left` more may follow it."""
        if not self._bytes and self._spellings.is_plain[token]:
            return True
        return _can_finish(self._spellings.after(self._bytes, token), left)

    def admitted(self, left: int) -> NDArray[np.bool_]:
        """[vocabulary] the same for every token; there always is one."""
        return self._spellings.admitted(self._bytes, left)

    def take(self, token: int) -> None:
        """The token has come."""
        if self._bytes or not self._spellings.is_plain[token]:
            self._bytes = self._spellings.after(self._bytes, token) or b""


def _can_finish(unfinished: bytes | None, left: int) -> bool:
    # Every byte is a token of its own, so as many tokens as there are bytes to come will always do.
    if not unfinished:
        return unfinished is not None
    length = 2 if unfinished[0] < 0xE0 else 3 if unfinished[0] < 0xF0 else 4
    return length - len(unfinished) <= left
