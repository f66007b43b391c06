"""Reads a text that stands already, without steering: what fires on each token, and how likely the model finds it."""

from collections.abc import Generator, Iterator

import numpy as np

from steer_tui.engines.builtin.steering import Probe
from steer_tui.engines.builtin.tokenizer import TextDecoder, Tokenizer
from steer_tui.engines.builtin.transformer import PREFILL, Transformer
from steer_tui.engines.builtin.weights import Floats
from steer_tui.engines.door import Reading


def reread(
    transformer: Transformer, tokenizer: Tokenizer, probe: Probe, text: str
) -> Generator[tuple[()], None, Reading]:
    """Read the text in steps of PREFILL positions; the last of them returns the reading.

    The text is read as a text of its own, behind the end-of-text token. One that is longer than the context is read in
    windows that overlap by half, so that each token is read with the half context before it, or all that there is.
    """
    ids = tokenizer.encode(text)
    decoder = TextDecoder()
    tokens = tuple(decoder.feed(tokenizer.token_bytes[token]) for token in ids)
    activations: list[tuple[float, ...]] = []
    logprobs: list[float] = []
    for start, first, end in _windows(len(ids), transformer.card.context - 1):
        window = [tokenizer.end_of_text, *ids[start:end]]
        values: list[list[float]] = []
        likelihoods: list[float] = []
        sequence = transformer.sequence()
        for at in range(0, len(window), PREFILL):
            residuals, logits = sequence.read(window[at : at + PREFILL])
            values += probe.values(residuals).tolist()
            likelihoods += _logprobs(logits, window[at + 1 : at + PREFILL + 1])
            yield ()
        activations += map(tuple, values[1 + first - start :])  # the first position is the end of text
        logprobs += likelihoods[first - start :]
    return Reading(tokens, tuple(activations), tuple(logprobs))


def _windows(count: int, room: int) -> Iterator[tuple[int, int, int]]:
    """Where each window begins, which of its tokens are the first that no earlier one has read, and where it ends."""
    start = first = 0
    while first < count:
        end = min(start + room, count)
        yield start, first, end
        start, first = end - room // 2, end


def _logprobs(logits: Floats, following: list[int]) -> list[float]:
    """Natural logarithm of the probability of each position's following token; a last position may have none."""
    rows = logits[: len(following)]
    rows = rows - rows.max(axis=1, keepdims=True)
    totals = np.exp(rows).sum(axis=1, dtype=np.float64)
    picked: list[float] = (rows[np.arange(len(rows)), following] - np.log(totals)).tolist()
    return picked
