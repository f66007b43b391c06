"""Byte-level byte pair encoding: any text as token ids, and back without ever breaking a character."""

import codecs
import re
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import pairwise

_CACHED_LENGTH = 32
_CACHED_PIECES = 8192
_GONE = -1
_NO_SPACE = dict.fromkeys(range(0x1C, 0x20), "\0")
"""The information separators: space to Python's `\\s`, and not to Unicode's White_Space, which the pattern means."""


class Tokenizer:
    """Byte-level BPE: ids 0..255 are the bytes, 256 ends a text, and merge k makes id 257 + k.

    The end of text has no spelling: whatever a person types, `<|endoftext|>` included, encodes as plain text.
    """

    def __init__(self, pattern: str, merges: list[tuple[int, int]], end_of_text: int = 256) -> None:
        # The last alternative catches what the pattern leaves out, so that every text comes back whole.
        self._pieces = re.compile(f"{pattern}|[\\s\\S]")
        self._merged = {pair: end_of_text + 1 + rank for rank, pair in enumerate(merges)}
        self._cached_piece = lru_cache(_CACHED_PIECES)(self._encode_piece)
        self.end_of_text = end_of_text
        """The id that begins every sequence and ends every text."""
        token_bytes = [bytes([byte]) for byte in range(256)] + [b""]
        for left, right in merges:
            token_bytes.append(token_bytes[left] + token_bytes[right])
        self.token_bytes = tuple(token_bytes)
        """[vocabulary] The bytes that each id stands for; none for the end of text."""

    def encode(self, text: str) -> list[int]:
        """Token ids of a text; half of a surrogate pair, which UTF-8 cannot carry, is read as U+FFFD."""
        ids: list[int] = []
        text = _without_surrogates(text)
        for match in self._pieces.finditer(text.translate(_NO_SPACE)):
            piece = text[match.start() : match.end()]
            ids.extend(self._cached_piece(piece) if len(piece) <= _CACHED_LENGTH else self._encode_piece(piece))
        return ids

    def decode(self, ids: list[int]) -> str:
        """The text of token ids; bytes that make no character become U+FFFD."""
        return b"".join(self.token_bytes[token] for token in ids).decode("utf-8", "replace")

    def _encode_piece(self, piece: str) -> tuple[int, ...]:
        # Best pair first from a heap, over a linked list: n log n, where rescanning is quadratic in a long word.
        merged = self._merged
        ids = list(piece.encode())
        following = list(range(1, len(ids) + 1))
        preceding = list(range(-1, len(ids) - 1))
        heap = [(merged[pair], at) for at, pair in enumerate(pairwise(ids)) if pair in merged]
        heapify(heap)
        while heap:
            token, at = heappop(heap)
            right = following[at]
            if right == len(ids) or merged.get((ids[at], ids[right])) != token:
                continue
            ids[at], ids[right] = token, _GONE
            after = following[at] = following[right]
            following[right] = len(ids)
            before = preceding[at]
            if after < len(ids):
                preceding[after] = at
                if (found := merged.get((token, ids[after]))) is not None:
                    heappush(heap, (found, at))
            if before >= 0 and (found := merged.get((ids[before], token))) is not None:
                heappush(heap, (found, before))
        return tuple(token for token in ids if token != _GONE)


class TextDecoder:
    """Text of one stream's tokens: a character split over tokens comes out whole with the last of them."""

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token: bytes) -> str:
        """The characters that this token completes, which may be none."""
        return self._utf8.decode(token)

    @property
    def pending(self) -> bool:
        """Whether the bytes so far end within a character."""
        return bool(self._utf8.getstate()[0])

    def flush(self) -> str:
        """U+FFFD where the stream ends within a character, else nothing."""
        return self._utf8.decode(b"", final=True)


def _without_surrogates(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
