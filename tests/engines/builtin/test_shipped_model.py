"""The weights that the package carries compute what the training framework computed."""

import json
from collections.abc import AsyncIterator

import numpy as np
import pytest

from steer_tui.domain import Dial, GenerationRequest, Sampling, SteeringVector
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.engines.builtin.catalogue import read_card, read_catalogue, read_tokenizer
from steer_tui.engines.builtin.engine import WEIGHTS
from steer_tui.engines.builtin.steering import Steering
from steer_tui.engines.builtin.transformer import Transformer
from steer_tui.engines.builtin.weights import read_directions, read_model

CARD = read_card(WEIGHTS)
TOKENIZER = read_tokenizer(WEIGHTS, CARD)
REFERENCE = dict(np.load(WEIGHTS / "reference.npz"))
PROMPTS = json.loads(str(REFERENCE["prompts"]))


@pytest.fixture(scope="module")
def transformer() -> Transformer:
    return Transformer(CARD, read_model(WEIGHTS, CARD))


@pytest.fixture
async def shipped() -> AsyncIterator[BuiltinEngine]:
    engine = BuiltinEngine()
    yield engine
    await engine.aclose()


@pytest.mark.parametrize("number", range(len(PROMPTS)))
def test_ids_logits_and_activations_are_those_of_the_training_framework(transformer: Transformer, number: int) -> None:
    ids = REFERENCE[f"ids.{number}"].tolist()
    assert [TOKENIZER.end_of_text, *TOKENIZER.encode(PROMPTS[number])] == ids
    steering = Steering(CARD, read_catalogue(WEIGHTS, CARD), read_directions(WEIGHTS, CARD))
    features = {feature.id: feature for feature in read_catalogue(WEIGHTS, CARD).search("")}
    watched = [features[name] for name in json.loads(str(REFERENCE["features"]))]
    notches = REFERENCE["coefficients"][number] / CARD.unit
    push = steering.push(SteeringVector.of([Dial(watched[0], float(notches))]))
    probe = steering.probe(tuple(watched))
    by_step, at_once = transformer.sequence(push), transformer.sequence(push)
    for position, token in enumerate(ids):
        by_step.step(token)
        read = [feature.activation for feature in probe.read(by_step.residual)]
        np.testing.assert_allclose(read, REFERENCE[f"activations.{number}"][position], atol=1e-3)
        if (row := position - len(ids)) >= -len(REFERENCE[f"logits.{number}"]):
            np.testing.assert_allclose(by_step.logits, REFERENCE[f"logits.{number}"][row], atol=1e-3)
    at_once.prefill(ids)
    np.testing.assert_allclose(at_once.logits, REFERENCE[f"logits.{number}"][-1], atol=1e-3)


async def test_the_offer_is_labelled_and_every_feature_can_be_turned_and_watched(shipped: BuiltinEngine) -> None:
    features = await shipped.find_features("")
    assert len(features) >= 4
    assert {len(feature.promoted) > 0 for feature in features} == {True}
    vector = SteeringVector.of([Dial(feature, 0.1) for feature in features])
    request = GenerationRequest("One day", Sampling(max_tokens=2), vector, watched=tuple(features))
    assert [event async for event in shipped.stream(request)]


def test_the_directions_have_unit_norm() -> None:
    directions = read_directions(WEIGHTS, CARD)
    for rows in (directions.decoder, directions.means):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=2e-3)
