"""A text that stands is read anew, without steering: what fires on each of its tokens."""

import pytest
from engines.inference_server.asking import DOG, SEA
from engines.inference_server.box import EAGER, Box
from engines.inference_server.conftest import Open
from loopback import Call

from steer_tui.domain import Malformed, Rejected, SteerError
from steer_tui.engines import Rereads
from steer_tui.engines.services import RereadsFreely


@pytest.mark.parametrize("camel", [True, False], ids=["camelCase", "snake_case"])
async def test_each_feature_is_read_on_each_token(open_at: Open, camel: bool) -> None:
    box = Box(camel=camel)
    engine = await open_at(box)
    assert isinstance(engine, Rereads)
    reading = await engine.reread("the sea is deep", [SEA, DOG])
    assert reading.tokens == ("the ", "sea ", "is d", "eep")
    assert reading.activations == ((0.0, 0.0), (7.0, 8.0), (0.0, 0.0), (0.0, 0.0))
    assert reading.logprobs == (None, None, None, None)
    assert [call.json["index"] for call in box.asked("/v1/activation/single")] == ["7", "8"]


@pytest.mark.parametrize(
    ("endpoints", "free"), [({}, True), ({"activation_single": True}, True), ({"activationSingle": False}, False)]
)
async def test_re_reads_are_free_unless_the_server_has_none(
    open_at: Open, endpoints: dict[str, bool], free: bool
) -> None:
    engine = await open_at(Box(capabilities={**EAGER, "endpoints": endpoints}))
    assert isinstance(engine, RereadsFreely)
    await engine.prepare()
    assert engine.rereads_freely is free


async def test_a_random_direction_is_read_as_a_dot_product_without_the_token_that_begins_the_text(
    open_at: Open,
) -> None:
    engine = await open_at(Box())
    reading = await engine.reread("the sea is deep", [engine.random_direction(SEA, 3), SEA])
    assert reading.tokens == ("the ", "sea ", "is d", "eep")
    assert len({row[0] for row in reading.activations}) == 1
    assert reading.activations[1][1] == 7.0


async def test_a_text_without_features_is_cut_into_tokens_alone(open_at: Open) -> None:
    reading = await (await open_at(Box())).reread("the sea is", [])
    assert (reading.tokens, reading.activations) == (("the ", "sea ", "is"), ((), (), ()))


async def test_an_empty_text_has_no_tokens(open_at: Open) -> None:
    assert (await (await open_at(Box())).reread("", [SEA])).tokens == ()


async def test_a_text_beyond_the_limit_is_refused_with_its_length(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    with pytest.raises(Rejected) as failed:
        await engine.reread("word" * 201, [SEA])
    assert failed.value.message == "The text has 201 tokens, and this server reads 200 at once."
    assert box.asked("/v1/activation/single") == []
    assert len((await engine.reread("word" * 200, [SEA])).tokens) == 200


async def test_a_text_that_the_server_itself_finds_too_long_is_no_prompt(open_at: Open) -> None:
    box = Box()

    async def refuse(call: Call) -> None:
        await call.answer_json({"error": "Text too long: 962 tokens, max is 200"}, 400)

    box.server.routes["POST /v1/activation/single"] = refuse
    with pytest.raises(Rejected) as failed:
        await (await open_at(box)).reread("the sea", [SEA])
    assert failed.value.message == "The text has 962 tokens, and this server reads 200 at once."
    assert "ACTIVATION_TOKEN_LIMIT" in failed.value.hint


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"error": "startswith first arg must be str or a tuple of str, not NoneType"}, 500, "unsupported"),
        ({"error": "Text too long: 962 tokens, max is 200"}, 400, "rejected"),
        ({"detail": "Not Found"}, 404, "unsupported"),
        ({"activation": {"values": [1.0]}, "tokens": ["a", "b"]}, 200, "malformed"),
        ({"activation": {"values": ["x"]}, "tokens": ["a"]}, 200, "malformed"),
        ({"tokens": ["a"]}, 200, "malformed"),
        ([], 200, "malformed"),
    ],
)
async def test_a_reading_that_fails_is_a_sentence(open_at: Open, body: object, status: int, code: str) -> None:
    box = Box()

    async def answer(call: Call) -> None:
        await call.answer_json(body, status)

    box.server.routes["POST /v1/activation/single"] = answer
    with pytest.raises(SteerError) as failed:
        await (await open_at(box)).reread("the sea", [SEA])
    assert failed.value.code == code


async def test_features_that_see_other_tokens_are_malformed(open_at: Open) -> None:
    box = Box()

    async def answer(call: Call) -> None:
        tokens = ["the", " sea"] if call.json["index"] == "7" else ["the sea"]
        await call.answer_json({"activation": {"values": [1.0] * len(tokens)}, "tokens": tokens})

    box.server.routes["POST /v1/activation/single"] = answer
    with pytest.raises(Malformed):
        await (await open_at(box)).reread("the sea", [SEA, DOG])
