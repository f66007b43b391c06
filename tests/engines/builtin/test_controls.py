"""Random directions: the control that a feature is compared with."""

from pathlib import Path

import numpy as np
import pytest
from engines.builtin.tiny import NAME, NORM, D

from steer_tui.domain import (
    SEED_MAX,
    ActivationEvent,
    Dial,
    Feature,
    FeatureKind,
    GenerationRequest,
    Lane,
    NotFound,
    Rejected,
    Sampling,
    SteeringVector,
    TokenEvent,
)
from steer_tui.engines import Controls
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.engines.builtin.catalogue import read_card, read_catalogue
from steer_tui.engines.builtin.steering import Addition, Steering
from steer_tui.engines.builtin.weights import read_directions
from steer_tui.engines.lookup import resolve_feature


@pytest.fixture
async def sea(engine: BuiltinEngine) -> Feature:
    return (await engine.find_features("sea"))[0]


@pytest.fixture(scope="module")
def steering(weights: Path) -> Steering:
    card = read_card(weights)
    return Steering(card, read_catalogue(weights, card), read_directions(weights, card))


def test_a_random_direction_has_the_unit_and_norm_of_the_model(engine: BuiltinEngine, sea: Feature) -> None:
    assert isinstance(engine, Controls)
    drawn = engine.random_direction(sea, 7)
    assert (drawn.id, drawn.label, drawn.kind) == (f"{NAME}/2-random/7", "random direction 7", FeatureKind.RANDOM)
    assert (drawn.unit, drawn.residual_norm) == (sea.unit, NORM)


def test_the_seed_gives_a_unit_direction_of_its_own(engine: BuiltinEngine, sea: Feature, steering: Steering) -> None:
    deltas = []
    for seed in (0, 1, 1, SEED_MAX):
        push = steering.push(SteeringVector.of([Dial(engine.random_direction(sea, seed), 2.0)]))
        assert isinstance(push, Addition)
        deltas.append(push.vector / (2 * sea.unit))
    np.testing.assert_allclose(np.linalg.norm(deltas, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(deltas[1], deltas[2])
    assert np.abs(np.corrcoef([deltas[0], deltas[1], deltas[3]]) - np.eye(3)).max() < 0.9
    expected = np.random.Generator(np.random.PCG64(1)).standard_normal(D)
    np.testing.assert_allclose(deltas[1], expected / np.linalg.norm(expected), atol=1e-6)


async def test_it_steers_and_is_read_like_a_feature(engine: BuiltinEngine, sea: Feature) -> None:
    drawn = engine.random_direction(sea, 3)
    request = GenerationRequest(
        "The sea", Sampling(max_tokens=20), SteeringVector.of([Dial(drawn, 80.0)]), watched=(drawn,)
    )
    texts = dict.fromkeys(Lane, "")
    sums = dict.fromkeys(Lane, 0.0)
    async for event in engine.stream(request):
        if isinstance(event, TokenEvent):
            texts[event.lane] += event.token
        elif isinstance(event, ActivationEvent):
            sums[event.lane] += event.features[0].activation
    assert texts[Lane.STEERED] != texts[Lane.DEFAULT]
    assert sums[Lane.STEERED] > sums[Lane.DEFAULT]


async def test_it_is_found_by_its_id_and_by_its_id_without_the_model(engine: BuiltinEngine, sea: Feature) -> None:
    drawn = engine.random_direction(sea, 12)
    for name in (drawn.id, "2-random/12"):
        assert await resolve_feature(engine, name) == drawn
    for name in (f"{NAME}/2-random/{SEED_MAX + 1}", f"{NAME}/2-random/-1", f"{NAME}/2-random/012"):
        assert await engine.find_features(name) == []


def test_a_stranger_and_an_impossible_seed_are_refused(engine: BuiltinEngine, sea: Feature) -> None:
    with pytest.raises(NotFound):
        engine.random_direction(Feature("gpt2/8-res/1", "strange", 1.0), 1)
    for seed in (-1, SEED_MAX + 1):
        with pytest.raises(Rejected, match=str(SEED_MAX)):
            engine.random_direction(sea, seed)
