"""What is sent, alike on both kinds of server: the model, the key, and one sum a layer."""

from pathlib import Path

import numpy as np
import pytest
from engines.collecting import events_of, failure_of, words
from engines.vllm.asking import DEFAULT, asked, opened, vector_file
from engines.vllm.box import EASY, KEY, MODEL, Box
from engines.vllm.conftest import Open
from engines.vllm.protocol import Asked
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from steer_tui.domain import BOTH_LANES, Lane, Method, NotFound
from steer_tui.engines import Controls, Engine, Prepares
from steer_tui.engines.services import Diagnoses, Warns
from steer_tui.engines.vllm.easysteer import EasySteerDialect
from steer_tui.engines.vllm.lens import LensDialect

SEA = {1: [3.0, 0, 0, 0, 0, 0, 0, 4.0]}
DOG = {1: [0, 1.0, 0, 0, 0, 0, 0, 0], 3: [0, 0, 2.0, 0, 0, 0, 0, 0]}


async def test_dials_at_a_layer_travel_as_one_sum_of_unit_directions(open_at: Open, kind: str, tmp_path: Path) -> None:
    box = Box(kind)
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    dog = await opened(engine, vector_file(tmp_path, "dog", DOG))
    await events_of(engine, asked((sea, 2.0), (dog, -1.5)))
    (body,) = box.streamed()
    one, two = 2.0 * sea.unit, -1.5 * dog.unit
    assert body.pushes.keys() == {1, 3}
    np.testing.assert_allclose(body.pushes[1], [0.6 * one, 0.5 * two, 0, 0, 0, 0, 0, 0.8 * one], rtol=1e-6)
    np.testing.assert_allclose(body.pushes[3], [0, 0, two, 0, 0, 0, 0, 0], rtol=1e-6)
    assert body.pushes[1].dtype == np.float32


async def test_a_dial_at_zero_is_not_sent(open_at: Open, kind: str, tmp_path: Path) -> None:
    box = Box(kind)
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    await events_of(engine, asked((sea, 0.0), lanes=BOTH_LANES))
    assert [body.pushes for body in box.streamed()] == [{}, {}]


async def test_the_key_goes_with_every_request(open_at: Open, kind: str) -> None:
    box = Box(kind, key=KEY)
    engine = await open_at(box, key=SecretStr(KEY))
    await events_of(engine, asked(lanes=DEFAULT))
    assert {call.headers["authorization"] for call in box.server.calls} == {f"Bearer {KEY}"}
    assert KEY not in repr(vars(engine))


async def test_an_address_may_name_the_version(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    other = type(engine)(f"{box.server.url}/v1/", directions=engine._directions, with_canary=False)
    await other.prepare()
    await other.aclose()
    assert box.server.calls[0].path == "/v1/models"


async def test_the_servers_first_model_is_taken_and_its_context_told(open_at: Open, kind: str) -> None:
    box = Box(kind, models=({"id": MODEL, "max_model_len": 400}, {"id": "adapter", "parent": MODEL}))
    engine = await open_at(box)
    assert engine.info.model == "unknown model"
    await engine.prepare()
    assert (engine.info.name, engine.info.model, engine.info.context) == (kind, MODEL, 400)
    assert (engine.info.methods, engine.info.quota) == ((Method.ADDITIVE,), None)


async def test_the_model_that_is_set_is_asked_for(open_at: Open) -> None:
    box = Box(models=({"id": MODEL}, {"id": "adapter"}))
    engine = await open_at(box, model="adapter")
    await events_of(engine, asked(lanes=DEFAULT))
    assert {body.model for body in [*box.streamed(), *box.read()]} == {"adapter"}


async def test_a_model_that_is_not_there_is_told_with_those_that_are(open_at: Open) -> None:
    box = Box(models=({"id": MODEL}, {"id": "adapter"}))
    engine = await open_at(box, model="org/other")
    _, error = await failure_of(engine, asked(lanes=DEFAULT))
    assert error.code == "not_found"
    assert error.message == "The server has no model org/other, but org/model, adapter."
    with pytest.raises(NotFound):
        await engine.find_features("")
    assert box.streamed() == []


async def test_a_server_without_models(open_at: Open) -> None:
    _, error = await failure_of(await open_at(Box(models=())), asked(lanes=DEFAULT))
    assert error.message == "The server has no model."


async def test_only_addition_is_offered_and_another_method_leaves_the_default_lane_as_it_is(
    open_at: Open, kind: str, tmp_path: Path
) -> None:
    box = Box(kind)
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    for method in set(Method) - {Method.ADDITIVE}:
        _, error = await failure_of(engine, asked((sea, 1.0), method=method))
        assert (error.code, box.streamed()) == ("unsupported", []), method
        assert method.value in error.message
    for method in set(Method) - {Method.ADDITIVE}:
        events = await events_of(engine, asked((sea, 1.0), method=method, lanes=DEFAULT))
        assert words(events, Lane.DEFAULT) == [" a", " dog"], method


async def test_a_vector_for_the_embedding_is_refused_with_a_sentence(open_at: Open, tmp_path: Path) -> None:
    box = Box(EASY)
    engine = await open_at(box)
    path = tmp_path / "early.npz"
    np.savez(path, vector=np.ones(8, np.float32))
    early = await opened(engine, f"{path}@-1")
    _, error = await failure_of(engine, asked((early, 1.0)))
    assert (error.code, box.streamed()) == ("unsupported", [])
    assert "acts on the embedding" in error.message


async def test_what_the_engine_can(open_at: Open, kind: str) -> None:
    engine = await open_at(Box(kind))
    protocols = (Prepares, Controls, Diagnoses, Warns)
    assert all(isinstance(engine, protocol) for protocol in protocols)
    opened_engine: Engine = engine
    assert opened_engine.info.name == kind


async def test_a_random_direction_acts_where_the_feature_does_with_its_unit(open_at: Open, tmp_path: Path) -> None:
    box = Box(EASY)
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    random = engine.random_direction(sea, 5)
    await events_of(engine, asked((random, 2.0)))
    (body,) = box.streamed()
    assert body.pushes.keys() == {1}
    assert np.linalg.norm(body.pushes[1]) == pytest.approx(2.0 * sea.unit, rel=1e-5)
    assert random.unit == sea.unit


async def test_a_feature_is_found_again_by_its_label(open_at: Open, tmp_path: Path) -> None:
    engine = await open_at(Box(EASY), (str(vector_file(tmp_path, "sea", SEA)),))
    assert [feature.label for feature in await engine.find_features("")] == ["sea"]
    assert [feature.label for feature in await engine.find_features("sea")] == ["sea"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=8, max_size=8))
def test_what_travels_is_what_was_summed_to_the_last_bit(values: list[float]) -> None:
    row = np.array(values, np.float32)
    for dialect in (LensDialect(), EasySteerDialect()):
        body = Asked.model_validate({"model": MODEL, **dialect.steering({2: row, 11: -row})})
        assert body.pushes.keys() == {2, 11}
        assert body.pushes[2].tobytes() == row.tobytes()
        assert body.pushes[11].tobytes() == (-row).tobytes()
