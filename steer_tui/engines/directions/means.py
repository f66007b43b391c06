"""The difference of means of two lists of texts: a steering vector without training (CAA, arXiv 2312.06681)."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import Malformed, Rejected
from steer_tui.engines.services import Captures
from steer_tui.vectors import Direction


class Position(StrEnum):
    """Which tokens of a text stand for it."""

    LAST = "last"
    """The last one, as CAA has it: there the model has read all of the text."""
    MEAN = "mean"
    """The mean of all but the first, whose residual is like that of no other token."""


class MeanResidual:
    """The mean of a list of texts at each layer, a text at a time."""

    def __init__(self, engine: Captures, layers: Sequence[int], position: Position, *, chat: bool) -> None:
        self._engine = engine
        self._layers = layers
        self._position = position
        self._chat = chat
        self._sums: dict[int, NDArray[np.float64]] = {}
        self._texts = 0

    async def take(self, text: str) -> None:
        """One text more; raises what the engine does, and `Rejected` for one that is too short."""
        captured = await self._engine.capture(text, self._layers, chat=self._chat)
        for layer in self._layers:
            residual = captured[layer].astype(np.float64)
            if self._position is Position.LAST:
                row = residual[-1]
            elif len(residual) > 1:
                row = residual[1:].mean(axis=0)
            else:
                raise Rejected(
                    f"The text {text!r} is a single token, which a mean leaves out.",
                    hint=f"Make it longer, or take --position {Position.LAST}.",
                )
            self._sums[layer] = self._sums.get(layer, 0.0) + row
        self._texts += 1

    def minus(self, other: "MeanResidual") -> tuple[Direction, ...]:
        """A direction a layer, from the other mean to this one; raises `Rejected` where the two are the same."""
        ours, theirs = self.means, other.means
        return tuple(_direction(layer, ours[layer] - theirs[layer]) for layer in sorted(ours))

    @property
    def means(self) -> Mapping[int, NDArray[np.float64]]:
        """By layer."""
        return {layer: total / self._texts for layer, total in self._sums.items()}


def _direction(layer: int, difference: NDArray[np.float64]) -> Direction:
    values = difference.astype(np.float32)
    if not np.isfinite(values).all():
        raise Malformed(
            f"The server's residual stream at layer {layer} is not finite.",
            hint="Serve the model in bfloat16 or float32.",
        )
    if not values.any():
        raise Rejected(
            f"The two lists of texts are the same to the model at layer {layer}.", hint="Give two lists that differ."
        )
    return Direction(values, layer)
