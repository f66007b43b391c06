"""What is added to the residual stream for a steering vector: one sum a layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import Feature, Rejected, SteeringVector


@dataclass(frozen=True, slots=True, eq=False)
class Push:
    """What a feature adds at one layer, for a coefficient of 1."""

    layer: int
    """The block, from 0, to whose output it is added; -1 is the embedding."""
    values: NDArray[np.float32]
    """[d_model]. Of length 1, or shorter at the lesser layers of a feature that acts at several."""


class Pushing(Protocol):
    """What knows the numbers behind features."""

    def pushes(self, feature: Feature) -> tuple[Push, ...]:
        """What the feature adds for a coefficient of 1, a layer once, by rising layer."""
        ...


def summed(vector: SteeringVector, directions: Pushing) -> Mapping[int, NDArray[np.float32]]:
    """What all dials together add at each layer, by rising layer.

    Sums are exact to the last digit of the numbers that travel: vectors at one layer add up, so a sum in their place
    is the same push.
    """
    sums: dict[int, NDArray[np.float64]] = {}
    for dial in vector.dials:
        for push in directions.pushes(dial.feature):
            added = dial.coefficient * push.values.astype(np.float64)
            sums[push.layer] = sums[push.layer] + added if push.layer in sums else added
    with np.errstate(over="ignore"):
        narrow = {layer: sums[layer].astype(np.float32) for layer in sorted(sums)}
    if not all(np.isfinite(values).all() for values in narrow.values()):
        raise Rejected("The dials together are too large a number.", hint="Turn the largest raw strength down.")
    return narrow
