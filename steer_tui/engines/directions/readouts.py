"""How a feature's activation is read off the residual stream."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steer_tui.engines.directions.pushes import Push
from steer_tui.vectors.direction import Encoder


@dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """How a feature's activation is read, and where."""

    layer: int
    """The block, from 0, whose output is read; -1 is the embedding."""
    encoder: Encoder


def projection(pushes: Sequence[Push]) -> Readout:
    """What reads how far the residual goes along a direction, at the layer where that is longest; no threshold."""
    longest = max(pushes, key=lambda push: float(np.linalg.norm(push.values)))
    length = float(np.linalg.norm(longest.values))
    return Readout(longest.layer, Encoder(longest.values / np.float32(length), 0.0, -np.inf))
