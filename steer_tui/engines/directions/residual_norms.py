"""The typical length of a model's residual stream at a layer, measured once and kept on disk."""

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import Malformed, Rejected, Unsupported, finite_or_none
from steer_tui.engines.kept import KeptAnswers, cache_folder

Measure: TypeAlias = Callable[[Sequence[int]], Awaitable[Mapping[int, float]]]
"""The mean norms at layers, over SENTENCES (`mean_norm`); a layer that cannot be measured is left out."""

SENTENCES = (
    "The ferry was late again. Forty people stood on the pier with their bags between their feet, and nobody had been "
    "told why. At a quarter past nine a bell rang twice somewhere behind the fog.",
    '"You never said that the house was for sale," Ruth said. "I did," he answered, "twice, and both times you were '
    'looking at your phone."',
    "Photosynthesis turns carbon dioxide and water into sugar and oxygen. The light is caught by chlorophyll, which "
    "takes up red and blue and leaves the green that we see.",
    "def total(prices, tax=0.2):\n    net = sum(prices)\n    return round(net * (1 + tax), 2)\n\n"
    "print(total([3.5, 12, 8]))",
    "Sales rose from 1,240 units in March to 1,615 in April, an increase of 30 %. Returns stayed below 2 %, and the "
    "average order was worth $48.90.",
    "To change the tyre, loosen the nuts by half a turn before you lift the car. Never crawl under a car that only the "
    "jack holds up.",
    "Dear Mr Okafor, thank you for your letter of 3 June. We are sorry to hear that the parcel was damaged, and will "
    "send another one this week.",
    "The court decided, by five votes to four, that the law of 1987 could not be applied to contracts that were signed "
    "before it was passed.",
    "Boil the rice for twelve minutes. Meanwhile fry the onion in a little oil until it is brown; then add garlic, "
    "cumin and a pinch of salt.",
    "I don't know what to tell you. Some days I run ten miles and feel nothing, and on others the stairs are too much. "
    "The doctor says it will pass.",
)
"""What norms are measured on: plain text of several kinds, each a forward pass of its own."""

_SHAPE = 1
"""What is kept; a version that keeps something else counts on, and measures anew."""

_log = logging.getLogger(__name__)

_FAILED = (Rejected, Malformed)
"""What a server answers that may measure another time."""


def mean_norm(residuals: Iterable[NDArray[np.float32]]) -> float | None:
    """The mean length of residuals, [tokens, d_model] a text, or None where it is no number above 0.

    Each text's first token is left out: its residual is many times as long as every other one's.
    """
    lengths = [np.linalg.norm(rows[1:].astype(np.float64), axis=1) for rows in residuals]
    every = np.concatenate(lengths) if lengths else np.empty(0)
    return _norm_or_none(float(every.mean()) if every.size else None)


class ResidualNorms:
    """The norms of one model. All that are asked for at once are measured at once, each a single time."""

    def __init__(self, measure: Measure, model: str, folder: Path | None = None) -> None:
        """`model` is what the server calls it with all that changes its residuals, such as its backend's precision."""
        self._measure, self._model = measure, model
        self._kept = KeptAnswers(folder or cache_folder("residual-norms"), _SHAPE)
        self._known: dict[int, float | None] = {}
        self._wanted: set[int] = set()
        self._turn = asyncio.Lock()

    async def at(self, layer: int) -> float | None:
        """The mean norm at a layer (a `NormAt`), or None where the server cannot measure it.

        Raises what `measure` raises for a server that is not there.
        """
        if layer not in self._known:
            self._wanted.add(layer)
            async with self._turn:
                if layer in self._wanted:  # nobody has tried it meanwhile
                    await self._learn(layer)
        return self._known.get(layer)

    async def _learn(self, layer: int) -> None:
        await self._recall(layer)  # those who ask in the meantime are measured along
        for other in sorted(self._wanted - {layer}):
            await self._recall(other)
        missing = tuple(sorted(self._wanted))
        if not missing:
            return
        try:
            told = await self._measure(missing)
        except Unsupported:
            told = {}
        except _FAILED as error:
            _log.warning("the residual norms could not be measured: %s", error.message)
            self._wanted.difference_update(missing)
            return
        norms = {at: _norm_or_none(told.get(at)) for at in missing}
        self._known |= norms
        self._wanted -= norms.keys()
        for at, norm in norms.items():
            if norm is not None:
                await self._kept.keep(self._question(at), norm)

    async def _recall(self, layer: int) -> None:
        kept = await self._kept.find(self._question(layer))
        norm = _norm_or_none(kept.value) if kept else None
        if norm is not None:
            self._known[layer] = norm
            self._wanted.discard(layer)

    def _question(self, layer: int) -> object:
        return ["residual norm", zlib.crc32("\n".join(SENTENCES).encode()), self._model, layer]


def _norm_or_none(value: Any) -> float | None:
    norm = finite_or_none(value)
    return norm if norm is not None and norm > 0 else None
