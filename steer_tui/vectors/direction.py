"""A direction of a model's residual stream as a file holds it, and how a feature's activation is read."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Float = TypeVar("_Float", bound=np.floating)

EMBEDDING = -1
"""The layer of a direction that is added to the embedding, before the first block."""


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """Numbers that are added to the residual stream, and where."""

    values: NDArray[np.float32]
    """[d_model], as the file has them: finite, not all zero, of any norm."""
    layer: int | None = None
    """The block, from 0, to whose output they are added; EMBEDDING; or None where the file does not say."""

    @property
    def norm(self) -> float:
        """Its length in the residual stream's own scale."""
        return float(np.linalg.norm(self.values.astype(np.float64)))


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """How a feature's activation is read from the residual h.

    It is a = values · h + bias where that is above the threshold, and 0 elsewhere.
    """

    values: NDArray[np.float32]
    """[d_model]"""
    bias: float
    """With what the SAE subtracts from its input before it encodes already taken into account."""
    threshold: float = 0.0
    """0 is ReLU; more is JumpReLU's."""

    def fired(self, projected: NDArray[_Float]) -> NDArray[_Float]:
        """The activations, of what the residuals' dot products and the bias come to."""
        return np.where(projected > self.threshold, projected, projected.dtype.type(0))
