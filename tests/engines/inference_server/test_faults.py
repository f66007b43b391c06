"""Whatever goes wrong at the server leaves as one sentence, and a cut text is told from a whole one."""

from collections.abc import Awaitable, Callable

import pytest
from engines.collecting import events_of, failure_of, words
from engines.inference_server.asking import DEFAULT, STEERED, asked
from engines.inference_server.box import Box, completion, frame
from engines.inference_server.conftest import Open
from loopback import Call, Loopback
from pydantic import SecretStr

from steer_tui.domain import (
    Dial,
    DoneEvent,
    Feature,
    GenerationRequest,
    SteerError,
    SteeringVector,
)
from steer_tui.engines.inference_server import InferenceServer

Handler = Callable[[Call], Awaitable[None]]
FIRST, SECOND = frame(completion("STEERED", " the")), frame(completion("STEERED", " the 海"))


async def steered_by(open_at: Open, handler: Handler) -> InferenceServer:
    box = Box()
    box.server.routes["POST /v1/steer/completion"] = handler
    return await open_at(box)


def refusing(status: int, body: object) -> Handler:
    async def refuse(call: Call) -> None:
        await call.answer_json(body, status)

    return refuse


NO_FIELD = {"detail": [{"type": "missing", "loc": ["body", "steerMethod"], "msg": "Field required", "input": {}}]}
NO_SOURCE = "Found 0 entries when searching for gpt2-small/9-nope"
NO_INDEX = "index 99999 is out of bounds for dimension 0 with size 256"


@pytest.mark.parametrize(
    ("status", "body", "code", "says"),
    [
        (422, NO_FIELD, "rejected", "steerMethod: Field required"),
        (400, {"error": "Invalid request data: exactly one of features or vectors"}, "rejected", "one of"),
        (400, {"error": "Text too long: 962 tokens, max is 200"}, "rejected", "962 tokens"),
        (400, {"error": "No room to generate: the prompt is 9 tokens and the budget is 8."}, "rejected", "No room"),
        (400, {"error": "This model has no chat template, so it cannot."}, "unsupported", "template"),
        (401, {"error": "Invalid or missing X-SECRET-KEY header"}, "unauthorized", "none is set"),
        (404, {"detail": "Not Found"}, "unsupported", "nothing at the path"),
        (405, {"detail": "Method Not Allowed"}, "malformed", "Method Not Allowed"),
        (500, {"error": NO_SOURCE, "type": "AssertionError", "traceback": None}, "not_found", "no source 9-nope"),
        (500, {"error": NO_INDEX, "type": "IndexError", "traceback": None}, "not_found", "no feature 99999"),
        (500, {"error": "something else", "type": "E", "traceback": None}, "rejected", "something else"),
        (500, {"error": "Server not initialized."}, "overloaded", "still loading"),
        (500, {"error": "Server not initialized. Initialization error: no GPU"}, "rejected", "no GPU"),
        (503, {"error": "Request timed out waiting for a slot"}, "overloaded", "waiting for a slot"),
        (302, {}, "malformed", "HTTP 302"),
    ],
)  # fmt: skip
async def test_each_refusal_is_a_sentence(open_at: Open, status: int, body: object, code: str, says: str) -> None:
    engine = await steered_by(open_at, refusing(status, body))
    events, error = await failure_of(engine, asked())
    assert (events, error.code) == ([], code)
    assert says in error.message
    assert error.hint


async def test_an_unknown_source_says_which_sets_there_are(open_at: Open) -> None:
    _, error = await failure_of(await steered_by(open_at, refusing(500, {"error": NO_SOURCE})), asked())
    assert "res-jb" in error.hint


async def test_a_key_that_is_not_taken_is_told_from_one_that_is_missing(open_at: Open) -> None:
    engine = await open_at(Box(secret="right"), key=SecretStr("wrong"))
    _, error = await failure_of(engine, asked())
    assert (error.code, error.message.partition(" ")[2]) == ("unauthorized", "does not accept this key.")
    assert "wrong" not in error.message + error.hint


async def test_a_stream_with_nothing_in_it_is_asked_again_for_its_reason(open_at: Open) -> None:
    async def hide(call: Call) -> None:
        if call.json["stream"]:
            await call.start()
        else:
            assert call.json["n_completion_tokens"] == 1
            await call.answer_json({"error": NO_SOURCE}, 500)

    events, error = await failure_of(await steered_by(open_at, hide), asked())
    assert (events, error.code) == ([], "not_found")


@pytest.mark.parametrize("frames", [b"", frame(completion("STEERED", ""))], ids=["no frame", "an empty text"])
async def test_a_text_that_never_began_is_truncated(open_at: Open, frames: bytes) -> None:
    async def nothing(call: Call) -> None:
        if call.json["stream"]:
            await call.start()
            if frames:
                await call.chunk(frames)
        else:
            await call.answer_json(completion("STEERED", " the"))

    events, error = await failure_of(await steered_by(open_at, nothing), asked())
    assert (events, error.code) == ([], "truncated")


MID_CHARACTER = SECOND.replace(b"\\u6d77", "海".encode())
MID_CHARACTER = MID_CHARACTER[: MID_CHARACTER.index("海".encode()) + 1]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ([], []),
        ([FIRST[:20]], []),
        ([FIRST], [" the"]),
        ([FIRST, SECOND[:-12]], [" the"]),
        ([FIRST, MID_CHARACTER], [" the"]),
        ([FIRST, SECOND], [" the", " 海"]),
    ],
    ids=["before the first frame", "in the first", "after the first", "mid-frame", "mid-character", "before the end"],
)
async def test_a_stream_that_is_cut_is_truncated_and_its_text_stays(
    open_at: Open, sent: list[bytes], shown: list[str]
) -> None:
    async def cut(call: Call) -> None:
        await call.start()
        for piece in sent:
            await call.chunk(piece)
        await call.cut()

    events, error = await failure_of(await steered_by(open_at, cut), asked())
    assert (words(events), error.code) == (shown, "truncated")
    assert not any(isinstance(event, DoneEvent) for event in events)


async def test_a_body_without_chunks_that_ends_in_a_frame_is_truncated(open_at: Open) -> None:
    async def close(call: Call) -> None:
        await call.head(headers={"Content-Type": "text/event-stream"})
        await call.write(FIRST + SECOND[:-1])

    events, error = await failure_of(await steered_by(open_at, close), asked())
    assert (words(events), error.code) == ([" the"], "truncated")


async def test_a_connection_that_is_dropped_without_an_answer_is_unreachable(open_at: Open) -> None:
    async def drop(call: Call) -> None:
        await call.cut()

    _, error = await failure_of(await steered_by(open_at, drop), asked())
    assert error.code == "unreachable"


@pytest.mark.parametrize(
    "sent",
    [
        b"data: nonsense\n\n",
        b"data: [1]\n\n",
        b'data: {"outputs": 1}\n\n',
        b'data: {"outputs": []}\n\n',
        b'data: {"outputs": [{"type": "DEFAULT", "output": " a"}]}\n\n',
        b'data: {"outputs": [{"type": "STEERED", "output": 7}]}\n\n',
        frame(completion("STEERED", "x" * 10_000_000)),
    ],
    ids=["no JSON", "no object", "no list", "no lane", "another lane", "no text", "10 MB"],
)
async def test_a_frame_that_is_none_is_malformed(open_at: Open, sent: bytes) -> None:
    async def send(call: Call) -> None:
        await call.start()
        await call.chunk(FIRST)
        await call.chunk(sent)

    events, error = await failure_of(await steered_by(open_at, send), asked())
    assert (words(events), error.code) == ([" the"], "malformed")
    assert len(error.message) < 200


@pytest.mark.parametrize("media_type", ["text/html", "application/json", "text/plain"])
async def test_another_kind_of_answer_is_malformed(open_at: Open, media_type: str) -> None:
    async def answer(call: Call) -> None:
        await call.answer("<html>Sign in</html>", content_type=media_type)

    _, error = await failure_of(await steered_by(open_at, answer), asked())
    assert error.code == "malformed"


async def test_a_redirect_to_another_host_is_not_followed_and_the_key_stays(open_at: Open) -> None:
    async with Loopback({}) as other:

        async def redirect(call: Call) -> None:
            await call.answer(status=307, headers={"Location": f"{other.url}/v1/steer/completion"})

        box = Box(secret="s3cret")
        box.server.routes["POST /v1/steer/completion"] = redirect
        engine = await open_at(box, key=SecretStr("s3cret"))
        _, error = await failure_of(engine, asked())
        assert error.code == "malformed"
        assert other.url in error.message
        assert other.calls == []


async def test_what_a_server_says_is_made_safe_and_short(open_at: Open) -> None:
    engine = await steered_by(open_at, refusing(500, {"error": "\x1b[31mred" + "x" * 5000}))
    _, error = await failure_of(engine, asked())
    assert "\x1b" not in error.message
    assert len(error.message) < 500


async def test_a_server_that_came_back_as_another_is_asked_again_what_it_is(open_at: Open) -> None:
    box = Box()
    steer = box.server.routes["POST /v1/steer/completion"]

    async def cut(call: Call) -> None:
        await call.cut()

    box.server.routes["POST /v1/steer/completion"] = cut
    engine = await open_at(box)
    await failure_of(engine, asked())
    box.server.routes["POST /v1/steer/completion"] = steer
    box.capabilities["model"] = "gemma-2-2b"
    await events_of(engine, asked(DEFAULT))
    assert engine.info.model == "gemma-2-2b"


async def test_a_feature_of_another_kind_is_refused_before_it_is_sent(open_at: Open) -> None:
    box = Box()
    vector = SteeringVector.of((Dial(Feature("sea.gguf", "sea", unit=1.0), 1.0),))
    _, error = await failure_of(await open_at(box), GenerationRequest("Once", vector=vector, lanes=STEERED))
    assert error.code == "not_found"
    assert box.steered() == []


async def test_a_closed_engine_says_so() -> None:
    engine = InferenceServer("http://127.0.0.1:9")
    await engine.aclose()
    await engine.aclose()
    with pytest.raises(SteerError, match="closed"):
        await engine.prepare()


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://host", "http://host:99999"])
async def test_an_address_that_is_none_is_rejected(url: str) -> None:
    engine = InferenceServer(url)
    with pytest.raises(SteerError) as failed:
        await engine.prepare()
    assert failed.value.code == "rejected"
