"""The corpus as token ids, and the batches of documents of like length that training takes."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from steer_tui.engines.builtin.train.bpe import END_OF_TEXT
from steer_tui.engines.builtin.train.corpus.documents import write_document

_CHUNK = 1_000
_WINDOW = 2_048
"""How many documents in a row are sorted by length, to be batched with others like them."""
_ROUND = 8
Tokens = NDArray[np.int64]


def document_text(seed: int, index: int) -> str:
    """The text of a document of the corpus."""
    return write_document(seed, index).text


def write_texts(seed: int, count: int, processes: int = 2) -> Iterator[str]:
    """The texts of the first `count` documents, in order."""
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(partial(document_text, seed), range(count), chunksize=_CHUNK)


@dataclass(frozen=True)
class Tokenized:
    """Documents as token ids, each a row of its own in training, as every prompt is one."""

    ids: NDArray[np.uint16]
    """The ids of all documents, one document after another."""
    starts: NDArray[np.int64]
    """[documents + 1] where each begins, and the end of the last."""

    @classmethod
    def of(cls, texts: list[str], tokenizer: Tokenizer) -> "Tokenized":
        """The texts' ids."""
        pieces: list[NDArray[np.uint16]] = []
        for start in range(0, len(texts), _CHUNK):
            encodings = tokenizer.encode_batch(texts[start : start + _CHUNK])
            pieces.extend(np.array(encoding.ids, np.uint16) for encoding in encodings)
        lengths = np.array([len(piece) for piece in pieces], np.int64)
        return cls(np.concatenate(pieces), np.concatenate(([0], lengths.cumsum())))

    @classmethod
    def read(cls, path: Path) -> "Tokenized":
        """What `write` has written."""
        with np.load(path) as file:
            return cls(file["ids"], file["starts"])

    def write(self, path: Path) -> None:
        """Writes an `.npz` file."""
        np.savez(path, ids=self.ids, starts=self.starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def batch(self, documents: NDArray[np.int64], context: int) -> Tokens:
        """Rows [documents, time + 1]: the end of the text, a document, and ends of the text to the length of the row.

        Nothing behind a document's own end is to be learned: `targets` says which positions count. Of a document
        longer than the context the rest is left out, its end too.
        """
        starts = self.starts[documents]
        lengths = np.minimum(self.starts[documents + 1] - starts, context)
        # Few different lengths, so that the compiled model sees few different shapes.
        time = min(context, -(-(int(lengths.max()) + 1) // _ROUND) * _ROUND)
        rows = np.full((len(documents), time + 1), END_OF_TEXT, np.int64)
        for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            rows[row, 1 : 1 + length] = self.ids[start : start + length]
        return rows

    def order(self, tokens: int, context: int, seed: int) -> list[NDArray[np.int64]]:
        """The documents of each batch of one pass, about `tokens` positions a batch."""
        rng = np.random.default_rng(seed)
        shuffled = rng.permutation(len(self))
        lengths = np.minimum(np.diff(self.starts) + 1, context)
        batches: list[NDArray[np.int64]] = []
        for start in range(0, len(shuffled), _WINDOW):
            window = shuffled[start : start + _WINDOW]
            window = window[np.argsort(lengths[window], kind="stable")]
            made, first = [], 0
            for end in range(1, len(window) + 1):
                full = end < len(window) and (end + 1 - first) * int(lengths[window[end]]) > tokens
                if full or end == len(window):
                    made.append(window[first:end])
                    first = end
            batches.extend(made[place] for place in rng.permutation(len(made)))
        return batches


def targets(rows: Tokens) -> Tokens:
    """[rows, time] the token to predict at each position, −100 behind the document's end."""
    wanted = rows[:, 1:].copy()
    ended = (rows == END_OF_TEXT).cumsum(axis=1)[:, 1:] > 2
    wanted[ended] = -100
    return wanted
