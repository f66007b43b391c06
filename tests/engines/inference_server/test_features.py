"""A feature is named by its source and index; its unit is measured where the server lets it."""

import pytest
from engines.inference_server.box import NORM, Box
from engines.inference_server.conftest import Open
from loopback import Call

from steer_tui.domain import FeatureKind, NotFound, Unauthorized
from steer_tui.engines import Controls


@pytest.mark.parametrize(
    "name", ["6-res-jb/7", "gpt2-small/6-res-jb/7", "https://neuronpedia.org/gpt2-small/6-res-jb/7"]
)
async def test_a_feature_is_found_by_its_name(open_at: Open, name: str) -> None:
    engine = await open_at(Box())
    (feature,) = await engine.find_features(name)
    assert (feature.id, feature.label) == ("gpt2-small/6-res-jb/7", "6-res-jb/7")


async def test_the_unit_is_a_share_of_the_residual_norm_as_random_directions_tell_it(open_at: Open) -> None:
    (feature,) = await (await open_at(Box())).find_features("6-res-jb/7")
    assert feature.residual_norm == pytest.approx(NORM, rel=1e-4)
    assert feature.unit == pytest.approx(0.04 * NORM, rel=1e-4)
    assert "0.04 × the mean residual norm" in feature.unit_origin


async def test_the_norm_is_measured_once_for_all_features_of_a_place(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    await engine.find_features("6-res-jb/7")
    measured = len(box.asked("/v1/activation/single"))
    await engine.find_features("6-res-jb/8")
    assert len(box.asked("/v1/activation/single")) == measured


async def test_without_vectors_the_unit_is_a_fifth_of_the_maximum_that_was_seen(open_at: Open) -> None:
    box = Box()
    del box.server.routes["POST /v1/util/sae-vector"]

    async def fire(call: Call) -> None:
        found = {"values": [0.0, 35.0], "maxValue": 35.0, "maxValueIndex": 1}
        await call.answer_json({"activation": found, "tokens": ["a", "b"], "tokensIsSpecial": [False, False]})

    box.server.routes["POST /v1/activation/single"] = fire
    (feature,) = await (await open_at(box)).find_features("6-res-jb/7")
    assert (feature.unit, feature.residual_norm) == (7.0, None)
    assert feature.unit_origin == "a fifth of its maximum activation on a few sentences"


@pytest.mark.parametrize("told", ["NaN", "-Infinity", "1e999", "1e308"])
async def test_a_size_that_is_no_number_is_no_unit(open_at: Open, told: str) -> None:
    box = Box()

    async def fire(call: Call) -> None:
        values = f'{{"values": [0.0, {told}], "maxValue": 1, "maxValueIndex": 1}}'
        await call.answer(f'{{"activation": {values}, "tokens": ["a", "b"], "tokensIsSpecial": [false, false]}}')

    box.server.routes["POST /v1/activation/single"] = fire
    (feature,) = await (await open_at(box)).find_features("6-res-jb/7")
    assert feature.residual_norm is None
    assert feature.unit == (1e308 / 5 if told == "1e308" else 10.0)


async def test_a_vector_that_is_no_direction_gives_no_unit(open_at: Open) -> None:
    box = Box()

    async def row(call: Call) -> None:
        await call.answer('{"vector": [1.0, NaN], "hookName": "blocks.6.hook_resid_pre"}')

    box.server.routes["POST /v1/util/sae-vector"] = row
    (feature,) = await (await open_at(box)).find_features("6-res-jb/7")
    assert (feature.unit, feature.residual_norm) == (10.0, None)


async def test_a_server_that_only_generates_gives_a_unit_of_ten(open_at: Open) -> None:
    box = Box()
    del box.server.routes["POST /v1/util/sae-vector"]
    del box.server.routes["POST /v1/activation/single"]
    (feature,) = await (await open_at(box)).find_features("6-res-jb/7")
    assert (feature.unit, feature.unit_origin) == (10.0, "10, since this server tells no scale")


@pytest.mark.parametrize(("name", "says"), [("9-nope/7", "no source 9-nope"), ("6-res-jb/256", "no feature 256")])
async def test_a_feature_that_is_not_there_is_not_found(open_at: Open, name: str, says: str) -> None:
    engine = await open_at(Box())
    with pytest.raises(NotFound, match=says):
        await engine.find_features(name)


async def test_words_are_answered_with_how_a_feature_is_named(open_at: Open) -> None:
    engine = await open_at(Box())
    await engine.prepare()
    with pytest.raises(NotFound) as failed:
        await engine.find_features("sea")
    assert "source/index" in failed.value.message
    assert "20-res-jb/123" in failed.value.hint


async def test_the_page_of_another_host_is_no_name(open_at: Open) -> None:
    box = Box()
    with pytest.raises(NotFound, match="source/index"):
        await (await open_at(box)).find_features("https://elsewhere.example/gpt2-small/6-res-jb/7")
    assert box.server.calls == []


async def test_nothing_is_offered_by_default(open_at: Open) -> None:
    box = Box()
    assert await (await open_at(box)).find_features(" ") == ()
    assert box.server.calls == []


async def test_no_more_are_listed_than_were_asked_for(open_at: Open) -> None:
    assert await (await open_at(Box())).find_features("6-res-jb/7", 0) == ()


async def test_a_missing_key_is_no_unit_of_ten(open_at: Open) -> None:
    with pytest.raises(Unauthorized):
        await (await open_at(Box(secret="s3cret"))).find_features("6-res-jb/7")


async def test_a_random_direction_acts_where_its_feature_does(open_at: Open) -> None:
    engine = await open_at(Box())
    assert isinstance(engine, Controls)
    (feature,) = await engine.find_features("6-res-jb/7")
    random = engine.random_direction(feature, 3)
    assert (random.kind, random.unit, random.residual_norm) == (FeatureKind.RANDOM, feature.unit, feature.residual_norm)
    assert await engine.find_features(random.id) == (random,)
    assert engine.random_direction(random, 4).id == "random-4/gpt2-small/6-res-jb/7"
