"""vllm-lens alone: how it is steered, what it captures, and texts that are re-read there."""

import base64
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard
from engines.collecting import events_of, failure_of
from engines.vllm.asking import DEFAULT, asked, opened, vector_file
from engines.vllm.box import Box, as_bfloat16, error_body, packed, residual, tokens_of
from engines.vllm.conftest import Open
from engines.vllm.protocol import WIDTH, LensVector
from loopback import Call

from steer_tui.domain import BOTH_LANES, Malformed, Rejected, SteerError, Unsupported
from steer_tui.engines import Rereads
from steer_tui.engines.directions.residual_norms import SENTENCES
from steer_tui.engines.services import Captures, RereadsFreely
from steer_tui.engines.vllm.answers import Completion
from steer_tui.wire import read_answer

SEA = {1: [3.0, 0, 0, 0, 0, 0, 0, 4.0]}
BOTH = {1: [1.0, 0, 0, 0, 0, 0, 0, 0], 2: [0, 1.0, 0, 0, 0, 0, 0, 0]}


async def test_a_list_of_vectors_travels_as_text_one_a_layer(open_at: Open, tmp_path: Path) -> None:
    box = Box()
    engine = await open_at(box)
    both = await opened(engine, vector_file(tmp_path, "both", BOTH))
    await events_of(engine, asked((both, 3.0)))
    (body,) = box.streamed()
    vectors = [LensVector.model_validate(one) for one in json.loads(body.xargs["apply_steering_vectors"])]
    assert [vector.layer_indices for vector in vectors] == [[1], [2]]
    assert [vector.activations.shape for vector in vectors] == [[1, WIDTH], [1, WIDTH]]
    assert {(vector.scale, vector.norm_match, vector.position_indices) for vector in vectors} == {(1.0, False, None)}


async def test_what_the_server_keeps_of_a_steered_prompt_never_reaches_the_unsteered_lane(
    open_at: Open, tmp_path: Path
) -> None:
    box = Box()
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    for value in (3.0, 4.0):
        await events_of(engine, asked((sea, value), lanes=BOTH_LANES))
    first, default, second, _ = box.streamed()
    assert first.cache_salt
    assert second.cache_salt not in (None, first.cache_salt)
    assert (default.cache_salt, default.xargs) == (None, {"skip_reading_prefix_cache": 1})


async def test_the_models_shape_is_learnt_from_one_token_at_all_layers(open_at: Open, tmp_path: Path) -> None:
    box = Box()
    engine = await open_at(box)
    await engine.prepare()
    (body,) = box.read()
    assert (body.xargs, body.max_tokens, body.prompt) == ({"output_residual_stream": "true"}, 1, "a")
    wide = vector_file(tmp_path, "wide", {1: [1.0] * (WIDTH + 1)})
    with pytest.raises(Rejected, match=f"a vector of {WIDTH + 1} numbers, and org/model is {WIDTH} wide"):
        await engine.find_features(str(wide))
    with pytest.raises(Rejected, match=r"acts at layer 4, and org/model has the layers 0 to 3"):
        await engine.find_features(str(vector_file(tmp_path, "late", {4: SEA[1]})))


async def test_a_vector_that_no_longer_fits_is_not_sent(open_at: Open, tmp_path: Path) -> None:
    box, later = Box(captures=False), Box()
    engine = await open_at(box)
    wide = await opened(engine, vector_file(tmp_path, "wide", {1: [1.0] * (WIDTH + 1)}))
    box.captures = True
    box.server.routes["POST /v1/completions"] = Call.reset
    await failure_of(engine, asked(lanes=DEFAULT))
    box.server.routes["POST /v1/completions"] = later.server.routes["POST /v1/completions"]
    _, error = await failure_of(engine, asked((wide, 1.0)))
    assert error.code == "rejected"
    assert box.streamed()[1:] == []


async def test_a_notch_is_a_dose_of_the_norm_that_is_measured_once(open_at: Open, tmp_path: Path) -> None:
    box = Box()
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    assert sea.residual_norm == pytest.approx(11.0)
    assert sea.unit == pytest.approx(0.04 * 11.0)
    read = [body for body in box.read() if body.prompt in SENTENCES]
    assert [body.prompt for body in read] == list(SENTENCES)
    assert {(tuple(body.captured or ()), body.max_tokens) for body in read} == {((1,), 1)}
    again = Box()
    other = await open_at(again)
    assert (await opened(other, tmp_path / "sea.npz")).residual_norm == pytest.approx(11.0)
    assert [body.prompt for body in again.read()] == ["a"]


async def test_a_server_without_the_plugin_says_so_and_its_doses_are_not_known(open_at: Open, tmp_path: Path) -> None:
    box = Box(captures=False)
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    assert (sea.residual_norm, sea.unit) == (None, 10.0)
    assert "vllm-lens may be missing or switched off" in engine.warning
    assert engine.rereads_freely is False
    with pytest.raises(Unsupported, match="sends no activations"):
        await engine.reread("the sea", [sea])


async def test_a_server_whose_capture_fails_is_used_all_the_same(open_at: Open) -> None:
    box = Box()
    stream = box.server.routes["POST /v1/completions"]

    async def capture_fails(call: Call) -> None:
        if call.json.get("stream"):
            await stream(call)
        else:
            await call.answer_json(error_body("LayerDiscoveryError: no layers", 500, "InternalServerError"), 500)

    box.server.routes["POST /v1/completions"] = capture_fails
    engine = await open_at(box)
    await events_of(engine, asked(lanes=DEFAULT))
    assert "LayerDiscoveryError: no layers" in engine.warning


async def test_without_what_unpacks_the_activations_the_person_is_told(
    open_at: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    engine = await open_at(Box())
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    assert sea.unit == 10.0
    assert "steer-tui[vllm]" in engine.warning
    assert engine.rereads_freely is False
    with pytest.raises(Unsupported, match="not installed here") as failed:
        await engine.reread("the sea", [sea])
    assert "steer-tui[vllm]" in failed.value.hint


@pytest.mark.parametrize("begins", [True, False])
async def test_a_text_is_read_by_our_own_arithmetic(open_at: Open, tmp_path: Path, begins: bool) -> None:
    box = Box(begins=begins)
    engine = await open_at(box)
    assert isinstance(engine, Rereads)
    assert isinstance(engine, RereadsFreely)
    sea = await opened(engine, vector_file(tmp_path, "sea", {1: list(np.arange(1.0, 9.0))}))
    dog = await opened(engine, vector_file(tmp_path, "dog", {3: [1.0] * 8}))
    text = "the sea is deep"
    assert engine.rereads_freely
    reading = await engine.reread(text, [sea, dog])
    body = box.read()[-1]
    assert (body.prompt, body.captured, body.echo, body.logprobs, body.max_tokens) == (text, [1, 3], True, 0, 1)
    assert reading.tokens == tuple(tokens_of(text))
    first = None if not begins else -0.25
    assert reading.logprobs[0] == first
    assert reading.logprobs[1:] == tuple(-0.25 * number for number in ((2, 3, 4) if begins else (1, 2, 3)))
    axis = np.arange(1.0, 9.0) / np.linalg.norm(np.arange(1.0, 9.0))
    for at, (token, row) in enumerate(zip(reading.tokens, reading.activations, strict=True)):
        is_first = not begins and at == 0
        assert row[0] == pytest.approx(float(residual(1, token, is_first) @ axis), rel=1e-5)
        assert row[1] == pytest.approx(float(residual(3, token, is_first).sum() / np.sqrt(8)), rel=1e-5)


async def test_a_text_is_read_without_features_for_its_probabilities_alone(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    reading = await engine.reread("the sea", [])
    assert (reading.tokens, reading.activations, reading.logprobs) == (("the ", "sea"), ((), ()), (-0.25, -0.5))
    assert box.read()[-1].vllm_xargs is None
    assert (await engine.reread("", [])).tokens == ()


async def test_a_text_that_begins_as_a_mark_keeps_it(open_at: Open) -> None:
    reading = await (await open_at(Box(begins=False))).reread("<s>!", [])
    assert reading.tokens == ("<s>!",)


async def test_the_residual_stream_itself_is_handed_out(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    assert isinstance(engine, Captures)
    found = await engine.capture("the sea", [2, 0], chat=False)
    assert {layer: rows.shape for layer, rows in found.items()} == {0: (3, WIDTH), 2: (3, WIDTH)}
    np.testing.assert_array_equal(found[2][1], residual(2, "the ", is_first=False))
    chat = await engine.capture("the sea", [1], chat=True)
    assert box.server.calls[-1].path == "/v1/chat/completions"
    assert len(chat[1]) == 1 + len(tokens_of("<user>the sea<model>"))
    with pytest.raises(Rejected, match="layers 0 to 3"):
        await engine.capture("the sea", [4], chat=False)


def broken(**told: object) -> dict[str, object]:
    return packed(np.ones((1, 3, WIDTH), np.float32), **told)


def whole(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


RAW = as_bfloat16(np.ones((1, 3, WIDTH), np.float32))


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        (broken(shape=[3, WIDTH]), "of the shape"),
        (broken(shape=[1, 0, WIDTH]), "of the shape"),
        (broken(shape=[1, -3, WIDTH]), "shape"),
        (broken(shape=[2, 3, WIDTH]), "of 2 layers at 3 tokens"),
        (broken(shape=[1, 2, WIDTH]), "of 1 layers at 2 tokens"),
        (broken(shape=[1, 3, WIDTH * 1000]), "not of the size that it says"),
        (broken(shape=[1, 3, 2**30]), "of the shape"),
        (broken(original_dtype="torch.float8"), "none of"),
        (broken(compression="lz4"), "'lz4', not as zstd"),
        (broken(data="***"), "not base64"),
        (broken(data=whole(RAW)), "cannot be unpacked"),
        (broken(data=whole(zstandard.compress(RAW)[:-4])), "cannot be unpacked"),
        (broken(data=whole(RAW[:-2]), compression=None), "bytes"),
        (None, "no activations"),
    ],
)
async def test_activations_that_are_not_whole_are_told(open_at: Open, tensor: object, says: str) -> None:
    box = Box()
    engine = await open_at(box)
    await engine.prepare()

    async def answer(call: Call) -> None:
        told = {"choices": [], "usage": {"prompt_tokens": 3}, "activations": {"residual_stream": tensor}}
        await call.answer_json(told)

    box.server.routes["POST /v1/completions"] = answer
    with pytest.raises(SteerError, match=says) as failed:
        await engine.capture("the sea", [1], chat=False)
    assert isinstance(failed.value, Malformed | Unsupported)


async def test_more_activations_than_any_text_has_are_not_unpacked(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    await engine.prepare()

    async def answer(call: Call) -> None:
        tensor = broken(shape=[1, 600, 1 << 20])
        await call.answer_json(
            {"choices": [], "usage": {"prompt_tokens": 600}, "activations": {"residual_stream": tensor}}
        )

    box.server.routes["POST /v1/completions"] = answer
    with pytest.raises(Malformed, match="and 1,073,741,824 are taken"):
        await engine.capture("the sea", [1], chat=False)


@pytest.mark.parametrize("shape", [[1, 3, 10**13], [1, 3, 1 << 20], [10**13, 3, WIDTH], [10**400, 1, 1]])
async def test_a_width_that_was_not_sent_is_not_believed(open_at: Open, shape: list[int]) -> None:
    box = Box()
    stream = box.server.routes["POST /v1/completions"]

    async def answer(call: Call) -> None:
        if call.json.get("stream"):
            await stream(call)
        else:
            told = {
                "choices": [],
                "usage": {"prompt_tokens": 3},
                "activations": {"residual_stream": broken(shape=shape)},
            }
            await call.answer_json(told)

    box.server.routes["POST /v1/completions"] = answer
    engine = await open_at(box)
    await engine.prepare()
    assert "sends no activations" in engine.warning
    with pytest.raises(Unsupported, match="How wide"):
        await engine.find_features("random-7/layer-1")


async def test_numbers_that_are_not_packed_are_taken_too(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    await engine.prepare()
    rows = np.arange(24, dtype="<f4").reshape(1, 3, 8)
    plain = {"data": whole(rows.tobytes()), "dtype": "float32", "shape": [1, 3, 8], "original_dtype": "torch.float32"}

    async def answer(call: Call) -> None:
        await call.answer_json(
            {"choices": [], "usage": {"prompt_tokens": 3}, "activations": {"residual_stream": plain}}
        )

    box.server.routes["POST /v1/completions"] = answer
    np.testing.assert_array_equal((await engine.capture("the sea", [1], chat=False))[1], rows[0])


async def test_a_text_whose_tokens_are_not_all_named_is_malformed(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    await engine.prepare()

    async def answer(call: Call) -> None:
        await call.answer_json({"choices": [{"index": 0, "text": "a"}], "usage": {"prompt_tokens": 3}})

    box.server.routes["POST /v1/completions"] = answer
    with pytest.raises(Malformed, match="counted 3 tokens of a text and named 0"):
        await engine.reread("the sea", [])


def test_other_activations_beside_the_residual_stream_are_passed_over() -> None:
    told = {"choices": [], "activations": {"attn_q": {"data": ""}, "qk_layers": {"__json__": [1]}}}
    assert read_answer(Completion, told).residual_stream is None
