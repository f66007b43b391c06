"""What the shipped features are said to do, as it was measured when they were accepted, and a look at it by ourselves.

`python -m steer_tui.engines.builtin.train.measure` measures all of it anew.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from steer_tui.domain import (
    Dial,
    Feature,
    GenerationRequest,
    Lane,
    Method,
    Sampling,
    SteeringVector,
    Telltale,
    TokenEvent,
)
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.engines.builtin.engine import WEIGHTS

FEATURES: list[dict[str, Any]] = json.loads((WEIGHTS / "features.json").read_text(encoding="utf-8"))
EVIDENCE: dict[str, dict[str, Any]] = json.loads((WEIGHTS / "evidence.json").read_text(encoding="utf-8"))
MOODS = {"angry", "calm", "curious", "excited", "happy", "lonely", "proud", "sad", "scared", "sleepy"}
STYLES = {"dialogue", "question", "exclamation", "past tense", "present tense", "first person", "third person",
          "letter", "poem", "how-to", "facts", "weather", "opinion"}  # fmt: skip
LABELS = [row["label"] for row in FEATURES]
TOPICS = set(LABELS) - MOODS - STYLES
OPENINGS = ("She smiled and", "In the morning, the", "Once there was", "Every day", "The children", "At last")


running = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[BuiltinEngine]:
    engine = BuiltinEngine()
    yield engine
    await engine.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def unsteered(engine: BuiltinEngine) -> list[str]:
    return await written(engine, (), Lane.DEFAULT)


def curve(label: str) -> dict[float, dict[str, float]]:
    row = next(row for row in FEATURES if row["label"] == label)
    return {point["value"]: point for point in EVIDENCE[row["id"]]["curve"]}


def test_many_features_are_offered_each_under_a_label_of_its_own() -> None:
    assert len(FEATURES) >= 30
    assert len({label.casefold() for label in LABELS}) == len(LABELS)
    assert {"winter", "music", "space", "castle", "sea", "food"} <= set(LABELS)
    assert len(MOODS & set(LABELS)) >= 4
    assert len(STYLES & set(LABELS)) >= 4


@pytest.mark.parametrize("row", FEATURES, ids=LABELS)
def test_a_feature_has_three_contexts_in_which_it_fires_and_a_curve(row: dict[str, Any]) -> None:
    evidence = EVIDENCE[row["id"]]
    assert len(evidence["contexts"]) == 3
    for context in evidence["contexts"]:
        assert len(context["tokens"]) == len(context["activations"])
        assert max(context["activations"]) > 0
    values = [point["value"] for point in evidence["curve"]]
    assert values == sorted(values) and {-6, 0, 3, 6, 10} <= set(values)


@pytest.mark.parametrize("label", LABELS)
def test_a_share_rises_with_the_dial_and_the_text_stays_sense(label: str) -> None:
    points = [point for _, point in sorted(curve(label).items())]
    assert all(after["share"] >= before["share"] - 0.06 for before, after in pairwise(points))
    assert points[-1]["share"] > points[0]["share"]
    assert curve(label)[6]["nats"] - curve(label)[0]["nats"] <= 0.25


@pytest.mark.parametrize("label", sorted(TOPICS))
def test_a_topic_comes_at_six_and_neither_at_zero_nor_by_chance(label: str) -> None:
    measured = curve(label)
    assert measured[6]["share"] >= 0.5
    assert measured[0]["share"] <= 0.08
    assert measured[6]["randomShare"] <= 0.08


@pytest.mark.parametrize("label", sorted(MOODS & set(LABELS)))
def test_a_mood_comes_at_six_and_neither_at_zero_nor_by_chance(label: str) -> None:
    measured = curve(label)
    assert measured[6]["share"] >= 0.4
    assert measured[0]["share"] <= 0.15
    assert abs(measured[6]["randomShare"] - measured[0]["share"]) <= 0.05


@pytest.mark.parametrize("label", sorted(STYLES & set(LABELS)))
def test_a_style_is_turned_both_ways(label: str) -> None:
    measured = curve(label)
    off = measured[0]["share"]
    assert measured[6]["share"] - off >= 0.25
    assert off < 0.2 or off - measured[-6]["share"] >= 0.15
    assert abs(measured[6]["randomShare"] - off) <= 0.08


async def written(
    engine: BuiltinEngine, dials: Sequence[Dial], lane: Lane = Lane.STEERED, method: Method = Method.ADDITIVE,
    texts: int = len(OPENINGS), tokens: int = 48,
) -> list[str]:  # fmt: skip
    """Texts from the openings in turn, each with a seed of its own."""

    async def text_of(seed: int) -> str:
        sampling = Sampling(max_tokens=tokens, seed=seed)
        opening = OPENINGS[seed % len(OPENINGS)]
        request = GenerationRequest(opening, sampling, SteeringVector.of(dials, method), (lane,))
        return "".join([event.token async for event in engine.stream(request) if isinstance(event, TokenEvent)])

    return await asyncio.gather(*map(text_of, range(texts)))


async def offered(engine: BuiltinEngine, label: str) -> tuple[Feature, Telltale]:
    feature = (await engine.find_features(label, 1))[0]
    telltale = (await engine.evidence(feature)).telltale
    assert telltale is not None
    return feature, telltale


@running
@pytest.mark.parametrize("label", ["winter", "music", "food"])
async def test_what_the_package_itself_writes_at_six_shows_the_topic(
    engine: BuiltinEngine, unsteered: list[str], label: str
) -> None:
    feature, telltale = await offered(engine, label)
    assert sum(map(telltale.shows, await written(engine, [Dial(feature, 6.0)]))) >= 3
    assert sum(map(telltale.shows, unsteered)) <= 1


@running
async def test_a_random_direction_of_the_same_dose_does_not(engine: BuiltinEngine, unsteered: list[str]) -> None:
    feature, telltale = await offered(engine, "winter")
    texts = await written(engine, [Dial(engine.random_direction(feature, 5), 6.0)])
    assert texts != unsteered
    assert sum(map(telltale.shows, texts)) <= 1


@running
async def test_a_dial_and_its_opposite_cancel(engine: BuiltinEngine, unsteered: list[str]) -> None:
    sea, _ = await offered(engine, "sea")
    assert await written(engine, [Dial(sea, 5.0), Dial(sea, -5.0)]) == unsteered


@running
@pytest.mark.parametrize("labels", [("space", "dialogue"), ("happy", "dialogue"), ("music", "happy")])
async def test_two_dials_together_do_both(engine: BuiltinEngine, unsteered: list[str], labels: tuple[str, str]) -> None:
    (first, one), (second, other) = [await offered(engine, label) for label in labels]
    texts = await written(engine, [Dial(first, 6.0), Dial(second, 6.0)])
    assert sum(one.shows(text) and other.shows(text) for text in texts) >= 3
    assert sum(one.shows(text) and other.shows(text) for text in unsteered) <= 1


@running
async def test_two_topics_share_a_text_where_their_dials_pin_and_not_where_they_push(engine: BuiltinEngine) -> None:
    (first, space), (second, castle) = [await offered(engine, label) for label in ("space", "castle")]
    dials = (Dial(first, 10.0), Dial(second, 8.0))
    shared = {
        method: [space.shows(text) and castle.shows(text)
                 for text in await written(engine, dials, method=method, texts=8, tokens=128)]
        for method in (Method.PIN, Method.ADDITIVE)
    }  # fmt: skip
    assert sum(shared[Method.PIN]) >= 4
    assert sum(shared[Method.ADDITIVE]) <= 2
