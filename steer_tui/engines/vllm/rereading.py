"""Reads a text that stands already: its tokens, how likely each is, and the features on them, by our own arithmetic."""

import asyncio
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steer_tui.engines.directions.readouts import Readout
from steer_tui.engines.door import Reading
from steer_tui.engines.texts.alignment import aligned
from steer_tui.engines.texts.markers import stands_before
from steer_tui.engines.vllm.captures import ReadText, read_text
from steer_tui.engines.vllm.connection import Connection


async def reread(connection: Connection, model: str, text: str, reads: Sequence[Readout]) -> Reading:
    """The reading of a text by the model left alone, in one request whatever the features' layers."""
    if not text:
        return Reading((), (), ())
    told = await read_text(connection, model, text, sorted({read.layer for read in reads}))
    start = 1 if told.pieces and stands_before(told.pieces[0].text, text) else 0
    rows = await asyncio.to_thread(_activations, told, reads, start)
    pieces = told.pieces[start:]
    return Reading(aligned([one.text for one in pieces], text), rows, tuple(one.logprob for one in pieces))


def _activations(told: ReadText, reads: Sequence[Readout], start: int) -> tuple[tuple[float, ...], ...]:
    if not reads:
        return ((),) * (len(told.pieces) - start)
    columns = [_column(told.residuals[read.layer][start:], read) for read in reads]
    return tuple(tuple(row) for row in np.stack(columns, axis=1).tolist())


def _column(residuals: NDArray[np.float32], read: Readout) -> NDArray[np.float64]:
    encoder = read.encoder
    return encoder.fired(residuals.astype(np.float64) @ encoder.values.astype(np.float64) + encoder.bias)
