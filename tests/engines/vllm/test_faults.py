"""What goes wrong is told in a sentence, whole or within a stream, in every shape that errors come in."""

from pathlib import Path

import pytest
from engines.collecting import events_of, failure_of, words
from engines.vllm.asking import DEFAULT, asked, opened, vector_file
from engines.vllm.box import DONE, EASY, KEY, MODEL, Box, error_body, frame, piece
from engines.vllm.conftest import Open
from loopback import Call, Handler
from pydantic import SecretStr

from steer_tui.domain import Lane

TOO_LONG = (
    "You passed 3001 input tokens and requested 16 output tokens. However, the model's context length is only 2048 "
    "tokens, resulting in a maximum input length of 2032 tokens. Please reduce the length of the input prompt."
)
OLD_TOO_LONG = "This model's maximum context length is 2048 tokens. However, you requested 3000 tokens."
NO_LAYER = "Call to collective_rpc method failed: layer_index 99 out of range [0, 24)"
NO_TEMPLATE = "As of transformers v4.44, default chat template is no longer allowed, so you must provide one."
UNAUTHORIZED = {"error": "Unauthorized"}


def shapes(message: str, code: int) -> list[object]:
    """An error in the shapes that vLLM has had."""
    return [error_body(message, code), {"object": "error", "message": message, "type": "X", "code": code}]


TABLE = [
    (400, TOO_LONG, "rejected", "more than the 2,048 that this server holds"),
    (400, OLD_TOO_LONG, "rejected", "more than the 2,048 that this server holds"),
    (400, NO_TEMPLATE, "unsupported", "no chat template"),
    (500, NO_LAYER, "rejected", "The model has 24 layers, 0 to 23, and a dial acts at layer 99."),
    (404, f"The model `{MODEL}` does not exist.", "not_found", "does not exist"),
    (404, "Not Found", "unsupported", "nothing at the path"),
    (500, "EngineCore encountered an issue.", "rejected", "EngineCore encountered an issue."),
    (503, "The server is draining.", "overloaded", "The server is draining."),
    (429, "Too many requests.", "rate_limited", "Too many requests."),
]


def refusing(body: object, status: int) -> Handler:
    async def refuse(call: Call) -> None:
        await call.answer_json(body, status)

    return refuse


def failing(body: object) -> Handler:
    async def fail(call: Call) -> None:
        await call.start()
        await call.chunk(frame(piece(" a")) + frame(body) + DONE)

    return fail


@pytest.mark.parametrize(("status", "message", "code", "says"), TABLE)
async def test_a_refusal_is_a_sentence_and_within_a_stream_the_same_one(
    open_at: Open, status: int, message: str, code: str, says: str
) -> None:
    box = Box()
    engine = await open_at(box)
    answers = box.server.routes["POST /v1/completions"]
    for body in shapes(message, status):
        for handler, shown in ((refusing(body, status), []), (failing(body), [" a"])):
            box.server.routes["POST /v1/completions"] = answers
            await engine.prepare()
            box.server.routes["POST /v1/completions"] = handler
            events, error = await failure_of(engine, asked(lanes=DEFAULT))
            assert ([event.token for event in events], error.code) == (shown, code), body
            assert says in error.message, body


@pytest.mark.parametrize(
    "told", [{"error": "out of memory"}, {"error": {"message": "out of memory", "code": "bad"}}, {"error": {"code": 7}}]
)
async def test_an_error_without_a_status_is_the_servers_failure(open_at: Open, told: object) -> None:
    box = Box()

    async def fail(call: Call) -> None:
        await call.start()
        await call.chunk(frame(told) + DONE)

    engine = await open_at(box)
    await engine.prepare()
    box.server.routes["POST /v1/completions"] = fail
    _, error = await failure_of(engine, asked(lanes=DEFAULT))
    assert error.code == "rejected"
    assert "failed on the request" in error.message


async def test_fields_that_the_server_does_not_take(open_at: Open) -> None:
    box = Box()

    async def refuse(call: Call) -> None:
        await call.answer_json({"detail": [{"loc": ["body", "top_k"], "msg": "Input should be 0"}]}, 422)

    engine = await open_at(box)
    await engine.prepare()
    box.server.routes["POST /v1/completions"] = refuse
    _, error = await failure_of(engine, asked(lanes=DEFAULT))
    assert error.code == "rejected"
    assert "top_k: Input should be 0" in error.message


@pytest.mark.parametrize("status", [429, 503])
async def test_the_time_that_a_busy_server_names_is_told(open_at: Open, status: int) -> None:
    box = Box()

    async def limit(call: Call) -> None:
        await call.answer_json(error_body("Busy.", status), status, {"Retry-After": "9"})

    engine = await open_at(box)
    await engine.prepare()
    box.server.routes["POST /v1/completions"] = limit
    _, error = await failure_of(engine, asked(lanes=DEFAULT))
    assert error.retry_after == 9.0


@pytest.mark.parametrize(("key", "says"), [(None, "none is set"), (SecretStr("wrong"), "does not accept this key")])
async def test_a_key_that_is_missing_or_wrong(open_at: Open, kind: str, key: SecretStr | None, says: str) -> None:
    _, error = await failure_of(await open_at(Box(kind, key=KEY), key=key), asked(lanes=DEFAULT))
    assert error.code == "unauthorized"
    assert says in error.message
    assert "--api-key" in error.hint


async def test_an_error_that_repeats_the_key_does_not_show_it(open_at: Open) -> None:
    box = Box(key=KEY)

    async def fail(call: Call) -> None:
        await call.start()
        await call.chunk(frame(error_body(f"bad header Bearer {KEY}", 500)) + DONE)

    engine = await open_at(box, key=SecretStr(KEY))
    await engine.prepare()
    box.server.routes["POST /v1/completions"] = fail
    _, error = await failure_of(engine, asked(lanes=DEFAULT))
    assert KEY not in error.message + error.hint


async def test_a_server_that_was_lost_is_asked_anew(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    await engine.prepare()
    answers = box.server.routes["POST /v1/completions"]
    box.server.routes["POST /v1/completions"] = Call.reset
    _, error = await failure_of(engine, asked(lanes=DEFAULT))
    assert error.passing
    box.server.routes["POST /v1/completions"] = answers
    box.models = ({"id": "org/other", "max_model_len": 9},)
    assert words(await events_of(engine, asked(lanes=DEFAULT)), Lane.DEFAULT) == [" a", " dog"]
    assert (engine.info.model, engine.info.context) == ("org/other", 9)


async def test_a_dial_of_the_model_that_a_server_had_before_is_to_be_added_anew(open_at: Open, tmp_path: Path) -> None:
    box = Box(EASY)
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", {1: [1.0] * 8}))
    answers = box.server.routes["POST /v1/completions"]
    box.server.routes["POST /v1/completions"] = Call.reset
    await failure_of(engine, asked((sea, 1.0)))
    box.server.routes["POST /v1/completions"] = answers
    box.models = ({"id": "org/other", "max_model_len": 9},)
    _, error = await failure_of(engine, asked((sea, 1.0)))
    assert "another model" in error.message
    anew = await opened(engine, tmp_path / "sea.npz")
    assert await events_of(engine, asked((anew, 1.0)))


async def test_a_web_page_is_no_server(open_at: Open) -> None:
    box = Box()

    async def page(call: Call) -> None:
        await call.answer("<html></html>", content_type="text/html")

    box.server.routes["GET /v1/models"] = page
    _, error = await failure_of(await open_at(box), asked(lanes=DEFAULT))
    assert error.code == "malformed"
    assert "a web page" in error.message


async def test_models_that_are_none_are_malformed(open_at: Open) -> None:
    box = Box()

    async def answer(call: Call) -> None:
        await call.answer_json({"data": [{"name": "x"}]})

    box.server.routes["GET /v1/models"] = answer
    _, error = await failure_of(await open_at(box), asked(lanes=DEFAULT))
    assert (error.code, "data.0.id" in error.message) == ("malformed", True)


async def test_nothing_is_asked_of_a_connection_that_was_closed(open_at: Open, tmp_path: Path) -> None:
    engine = await open_at(Box(EASY))
    sea = await opened(engine, vector_file(tmp_path, "sea", {1: [1.0] * 8}))
    await engine.aclose()
    await engine.aclose()
    _, error = await failure_of(engine, asked((sea, 1.0)))
    assert error.message == "The connection to the server has been closed."
