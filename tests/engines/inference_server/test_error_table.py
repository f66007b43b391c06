"""The rows of the protocol's error table that no other test has, and what stands in front of such a server."""

import json

import pytest
from engines.collecting import events_of, failure_of, words
from engines.inference_server.asking import SEA, asked
from engines.inference_server.box import Box, completion, frame
from engines.inference_server.conftest import Open
from httpx import AsyncByteStream, Response
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Call
from wire.cutting import cuts

from steer_tui.domain import RateLimited, SteerError
from steer_tui.wire import read_events

BROKEN_JSON = {"detail": [{"type": "json_invalid", "loc": ["body", 5], "msg": "JSON decode error", "input": {}}]}
NO_HOOK = {"error": "Hook blocks.99.hook_resid_post is not supported", "type": "ValueError", "traceback": None}
WRONG_SIZE = {"error": "The size of tensor a (768) must match (3)", "type": "RuntimeError", "traceback": None}


@pytest.mark.parametrize(
    ("status", "body", "code", "says"),
    [
        (422, BROKEN_JSON, "rejected", "5: JSON decode error"),
        (400, {"error": "attn.hook_z is not available on the vllm backend"}, "rejected", "on the vllm backend"),
        (400, {"error": "Assistant axis requires a persona asset"}, "rejected", "Assistant axis requires"),
        (400, {"error": "Request too large: 9,000 tokens"}, "rejected", "Request too large"),
        (403, {"error": "Forbidden"}, "unauthorized", "none is set"),
        (500, NO_HOOK, "rejected", "blocks.99.hook_resid_post is not supported"),
        (500, WRONG_SIZE, "rejected", "must match"),
        (500, "", "rejected", "HTTP 500"),
        (502, {}, "unreachable", "cannot reach the server behind it"),
        (503, {"error": "CUDA out of memory. Tried to allocate 2 GiB."}, "overloaded", "CUDA out of memory"),
        (504, {}, "timed_out", "gave up waiting"),
    ],
)
async def test_a_refusal_is_a_sentence_while_generating_and_while_reading(
    open_at: Open, status: int, body: object, code: str, says: str
) -> None:
    box = Box()

    async def refuse(call: Call) -> None:
        await call.answer_json(body, status)

    for path in ("/v1/steer/completion", "/v1/activation/single"):
        box.server.routes[f"POST {path}"] = refuse
    engine = await open_at(box)
    events, error = await failure_of(engine, asked())
    assert (events, error.code) == ([], code)
    assert says in error.message
    with pytest.raises(SteerError) as failed:
        await engine.reread("the sea", [SEA])
    assert failed.value.code == code


@pytest.mark.parametrize(("headers", "seconds"), [({}, None), ({"Retry-After": "9"}, 9.0)])
async def test_a_limit_in_front_of_the_server_is_told_with_its_time(
    open_at: Open, headers: dict[str, str], seconds: float | None
) -> None:
    box = Box()

    async def limit(call: Call) -> None:
        await call.answer_json({"error": "Too many requests."}, 429, headers)

    box.server.routes["POST /v1/steer/completion"] = limit
    _, error = await failure_of(await open_at(box), asked())
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


async def test_while_it_loads_it_refuses_what_is_asked_first_and_answers_later(open_at: Open) -> None:
    box = Box(problem="Server not initialized.")
    engine = await open_at(box)
    _, error = await failure_of(engine, asked())
    assert (error.code, error.passing) == ("overloaded", True)
    box.problem = None
    assert words(await events_of(engine, asked())) == [" the", " sea", " is", " deep"]


async def test_an_error_within_a_stream_looks_like_its_end_and_what_came_is_the_text(open_at: Open) -> None:
    box = Box()

    async def stop_short(call: Call) -> None:
        await call.start()
        await call.chunk(frame(completion("STEERED", " the")))

    box.server.routes["POST /v1/steer/completion"] = stop_short
    assert words(await events_of(await open_at(box), asked(max_tokens=100))) == [" the"]


class Pieces(AsyncByteStream):
    """A body that comes in these pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self):
        for piece in self._pieces:
            yield piece


TEXTS = (" the", " the 海", " the 海\n", " the 海\n\nis deep")
RECORDED = b"".join(frame(completion("STEERED", text)).replace(b"\\u6d77", "海".encode()) for text in TEXTS)


@settings(deadline=None, max_examples=40)
@given(cuts(st.sampled_from([RECORDED.replace(b"\n\n", end * 2) for end in (b"\n", b"\r", b"\r\n")])))
async def test_a_recorded_stream_gives_the_same_frames_wherever_its_bytes_are_cut(
    cut: tuple[bytes, list[bytes]],
) -> None:
    _, pieces = cut
    frames = [json.loads(one.data) async for one in read_events(Response(200, stream=Pieces(pieces)))]
    assert frames == [completion("STEERED", text) for text in TEXTS]
