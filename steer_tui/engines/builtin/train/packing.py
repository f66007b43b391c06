"""The corpus as token ids, packed into rows of the context's length."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from steer_tui.engines.builtin.train.bpe import END_OF_TEXT
from steer_tui.engines.builtin.train.corpus.documents import write_document

_CHUNK = 1_000
Tokens = NDArray[np.uint16]


def document_text(seed: int, index: int) -> str:
    """The text of a document of the corpus."""
    return write_document(seed, index).text


def write_texts(seed: int, count: int, processes: int = 2) -> Iterator[str]:
    """The texts of the first `count` documents, in order."""
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(partial(document_text, seed), range(count), chunksize=_CHUNK)


def pack(texts: list[str], tokenizer: Tokenizer, context: int) -> Tokens:
    """Rows [rows, context + 1] of token ids, documents one after another with the end of text before each.

    Every row begins where a document begins, as every prompt does, so the last document of a row may be cut.
    """
    rows: list[list[int]] = []
    row: list[int] = []
    for start in range(0, len(texts), _CHUNK):
        for encoding in tokenizer.encode_batch(texts[start : start + _CHUNK]):
            row.append(END_OF_TEXT)
            row.extend(encoding.ids)
            if len(row) > context:
                rows.append(row[: context + 1])
                row = []
    return np.array(rows, dtype=np.uint16)
