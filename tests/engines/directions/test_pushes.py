"""The sum of all dials is, to the digits that travel, what the dials add one after the other."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from steer_tui.domain import Dial, Feature, Rejected, SteeringVector
from steer_tui.engines.directions.pushes import Push, summed

WIDTH = 16


class Known:
    """Directions by the ids of features."""

    def __init__(self, pushes: Mapping[str, tuple[Push, ...]]) -> None:
        self._pushes = pushes

    def pushes(self, feature: Feature) -> tuple[Push, ...]:
        return self._pushes[feature.id]


def unit(seed: int) -> NDArray[np.float32]:
    values = np.random.default_rng(seed).standard_normal(WIDTH)
    return (values / np.linalg.norm(values)).astype(np.float32)


layers_of = st.lists(st.integers(-1, 3), min_size=1, max_size=3, unique=True)
values_of = st.integers(-9999, 9999).map(lambda tenths: tenths / 10)
dials_of = st.lists(st.tuples(layers_of, values_of, st.integers(0, 999)), min_size=1, max_size=6)


@settings(deadline=None, max_examples=40)
@given(dials_of)
def test_the_sum_is_the_dials_stacked(written: list[tuple[list[int], float, int]]) -> None:
    known, dials = dict[str, tuple[Push, ...]](), list[Dial]()
    for place, (layers, value, seed) in enumerate(written):
        known[str(place)] = tuple(Push(layer, unit(seed + layer + 1)) for layer in sorted(layers))
        dials.append(Dial(Feature(str(place), str(place), 2.5), value))
    vector = SteeringVector.of(dials)
    sums = summed(vector, Known(known))

    assert list(sums) == sorted({push.layer for dial in vector.dials for push in known[dial.feature.id]})
    for layer, values in sums.items():
        residual, size = np.zeros(WIDTH), 0.0
        for dial in vector.dials:
            for push in known[dial.feature.id]:
                if push.layer == layer:
                    residual += dial.value * 2.5 * push.values.astype(np.float64)
                    size += abs(dial.value) * 2.5
        assert values.dtype == np.float32
        assert np.abs(values - residual).max() <= 1e-6 * size


def test_dials_that_cancel_each_other_add_nothing() -> None:
    known = Known({"a": (Push(3, unit(1)),), "b": (Push(3, -unit(1)),)})
    dials = (Dial(Feature("a", "a", 1.0), 7.0), Dial(Feature("b", "b", 1.0), 7.0))
    assert not summed(SteeringVector(dials), known)[3].any()


def test_no_dial_adds_at_no_layer() -> None:
    assert summed(SteeringVector(), Known({})) == {}


@pytest.mark.parametrize("value", [1e39, -1e300])
def test_a_strength_that_no_server_can_hold_is_told(value: float) -> None:
    dial = Dial(Feature("a", "a", 1.0), value)
    with pytest.raises(Rejected, match="too large"):
        summed(SteeringVector((dial,)), Known({"a": (Push(0, np.ones(WIDTH, np.float32)),)}))
