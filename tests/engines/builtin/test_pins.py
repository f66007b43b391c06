"""Dials that pin: the component along a direction is what the dial says, whatever the text brings of it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engines.builtin.tiny import CONTEXT, MERGES

from steer_tui.domain import Dial, Feature, GenerationRequest, Lane, Method, Sampling, SteeringVector, TokenEvent
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.engines.builtin.catalogue import read_card, read_catalogue
from steer_tui.engines.builtin.steering import Steering
from steer_tui.engines.builtin.transformer import Transformer
from steer_tui.engines.builtin.weights import Floats, read_directions, read_model

IDS = [256, *np.random.default_rng(4).integers(0, 257 + MERGES, CONTEXT - 1).tolist()]
SAMPLING = Sampling(temperature=0.8, max_tokens=30)


class Model:
    """The tiny model, its features and the residuals of the same tokens with dials and without."""

    def __init__(self, folder: Path) -> None:
        card = read_card(folder)
        catalogue = read_catalogue(folder, card)
        self.features = catalogue.search("")
        self.steering = Steering(card, catalogue, read_directions(folder, card))
        self.transformer = Transformer(card, read_model(folder, card))

    def residuals(self, *dials: Dial) -> Floats:
        """[positions, d], some read at once and the others step by step."""
        sequence = self.transformer.sequence(self.steering.push(SteeringVector.of(dials, Method.PIN)))
        read, _ = sequence.read(IDS[:40])
        stepped = []
        for token in IDS[40:]:
            sequence.step(token)
            stepped.append(sequence.residual.copy())
        return np.concatenate((read, stepped))

    def direction(self, feature: Feature) -> Floats:
        """[d] the unit direction that the dial turns."""
        push = self.steering.push(SteeringVector.of([Dial(feature, 1.0)]))
        assert push is not None
        along = np.zeros(len(self.residuals()[0]), np.float32)
        push(along)
        return along / feature.unit


@pytest.fixture(scope="module")
def model(weights: Path) -> Model:
    return Model(weights)


def test_every_dial_holds_its_component_at_every_position_and_nothing_else_changes(model: Model) -> None:
    one, other = model.features[0], model.features[3]
    plain, pinned = model.residuals(), model.residuals(Dial(one, 5.0), Dial(other, -2.0))
    directions = np.stack([model.direction(one), model.direction(other)])
    assert np.std(plain @ directions.T, axis=0).min() > 0.1
    expected = np.broadcast_to([5.0 * one.unit, -2.0 * other.unit], (len(IDS), 2))
    np.testing.assert_allclose(pinned @ directions.T, expected, atol=1e-3)
    rest = np.linalg.svd(directions)[2][2:]
    np.testing.assert_allclose(pinned @ rest.T, plain @ rest.T, atol=1e-3)


def test_of_two_dials_of_one_feature_neither_wins(model: Model) -> None:
    feature = model.features[0]
    pinned = model.residuals(Dial(feature, 6.0), Dial(feature, -2.0))
    np.testing.assert_allclose(pinned @ model.direction(feature), 2.0 * feature.unit, atol=1e-3)


async def test_a_pinned_lane_is_the_same_alone_and_beside_the_other(engine: BuiltinEngine) -> None:
    dials = [Dial(feature, 4.0) for feature in await engine.find_features("", 2)]
    request = GenerationRequest("The sea", SAMPLING, SteeringVector.of(dials, Method.PIN))
    both, alone, added = await asyncio.gather(
        text_of(engine, request),
        text_of(engine, replace(request, lanes=(Lane.STEERED,))),
        text_of(engine, replace(request, vector=SteeringVector.of(dials))),
    )
    assert both == alone != added


async def test_a_dial_that_is_turned_while_the_text_comes_can_begin_to_pin(engine: BuiltinEngine) -> None:
    [feature] = await engine.find_features("", 1)
    added, pinned = SteeringVector.of([Dial(feature, 4.0)]), SteeringVector.of([Dial(feature, 4.0)], Method.PIN)
    request = GenerationRequest("The sea", SAMPLING, added, (Lane.STEERED,))
    assert await text_of(engine, request, turned_to=pinned) not in (
        await text_of(engine, request),
        await text_of(engine, replace(request, vector=pinned)),
    )


async def text_of(engine: BuiltinEngine, request: GenerationRequest, turned_to: SteeringVector | None = None) -> str:
    """What the steered lane writes, turned after its fifth token."""
    tokens: list[str] = []
    async for event in engine.stream(request):
        if isinstance(event, TokenEvent) and event.lane is Lane.STEERED:
            tokens.append(event.token)
            if turned_to is not None and len(tokens) == 5:
                assert await engine.turn(request, turned_to, ()) == 5
    return "".join(tokens)
