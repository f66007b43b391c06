"""Every refusal and every break is one sentence of the family, and no lost stream is taken for a whole one."""

from collections.abc import Awaitable, Callable

import pytest
from engines.neuronpedia.serving import (
    CITY,
    FRAMES,
    HEADERS,
    PROMPT,
    Serve,
    answer,
    asking,
    frame,
    gather,
    refusing,
    steer_calls,
    streaming,
    text_of,
)
from loopback import Call, Handler, Loopback
from pydantic import SecretStr

from steer_tui.domain import (
    Dial,
    Feature,
    FeatureKind,
    GenerationRequest,
    Lane,
    Malformed,
    NotFound,
    Overloaded,
    RateLimited,
    Rejected,
    Sampling,
    SteerError,
    SteeringVector,
    TimedOut,
    Truncated,
    Unreachable,
    Unsupported,
)
from steer_tui.engines import Quota
from steer_tui.engines.neuronpedia import HostedNeuronpedia

LIMITED = {
    "endpoint": "/api/steer",
    "limitPerWindow": 240,
    "requestWindow": "60 m",
    "remainingRequests": 0,
    "error": "Rate limit exceeded for this endpoint.",
}
UNAVAILABLE = {"message": "The model, source, or feature you specified is not available."}


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"message": "n_tokens must be less than or equal to 256"}, Rejected, "n_tokens must be less"),
        (400, {"message": "Text too long: 1801 tokens, max is 200"}, Rejected, "1801 tokens"),
        (404, UNAVAILABLE, NotFound, "is not available"),
        (405, "", Malformed, "kind of request"),
        (422, {"message": "prompt: Field required"}, Rejected, "Field required"),
        (401, {"message": "Invalid or missing X-SECRET-KEY header"}, Rejected, "its own inference server"),
        (403, {"message": "blocked"}, Rejected, "does not let this machine in"),
        (500, {"error": "Something went wrong on our end.", "message": "Something went wrong"}, Rejected, "went wrong"),
        (500, {"message": "Unknown Error"}, Rejected, "Unknown Error"),
        (500, {"message": "Found 0 entries when searching for x/9-nope"}, NotFound, "no such source or feature"),
        (500, {"message": "index 99999 is out of bounds for dimension 0"}, NotFound, "out of bounds"),
        (502, {"message": "bad gateway"}, Unreachable, "bad gateway"),
        (503, {"message": "Request timed out waiting for a slot"}, Overloaded, "waiting for a slot"),
        (504, {}, TimedOut, "gave up waiting"),
    ],
)
async def test_a_refusal_is_told_in_the_services_words(
    serve: Serve, status: int, body: object, kind: type[SteerError], words: str
) -> None:
    _, engine = await serve({"POST /api/steer": refusing(status, body, {"x-limit-remaining": "77"})})
    with pytest.raises(kind, match=words) as raised:
        await gather(engine, asking())
    assert type(raised.value) is kind
    assert engine.info.quota == Quota(77, 240)


@pytest.mark.parametrize(("headers", "wait"), [({}, None), ({"Retry-After": "17"}, 17.0)])
async def test_a_rate_limit_names_its_bucket_and_how_much(
    serve: Serve, headers: dict[str, str], wait: float | None
) -> None:
    _, engine = await serve({"POST /api/steer": refusing(429, LIMITED, headers)})
    with pytest.raises(RateLimited, match=r"240 requests to /api/steer in 1 hour") as raised:
        await gather(engine, asking())
    assert raised.value.retry_after == wait
    assert engine.info.quota == Quota(0, 240)


def _cut_after(count: int, rest: bytes = b"") -> Handler:
    async def steer(call: Call) -> None:
        await call.start(headers=HEADERS)
        for each in FRAMES[:count]:
            await call.chunk(each)
        if rest:
            await call.chunk(rest)
        await call.cut()

    return steer


_CHARACTER = frame(" the caf\N{LATIN SMALL LETTER E WITH ACUTE}", None).replace(b"\\u00e9", b"\xc3\xa9")


@pytest.mark.parametrize(
    "handler",
    [
        _cut_after(2, FRAMES[2][:30]),
        _cut_after(2, _CHARACTER[: _CHARACTER.index(b"\xa9")]),
        _cut_after(5),
        streaming(FRAMES[:5]),
    ],
    ids=["mid-frame", "mid-character", "before the last frame", "clean end without the last frame"],
)
async def test_a_stream_without_its_end_is_truncated_and_its_text_stands(serve: Serve, handler: Handler) -> None:
    server, engine = await serve({"POST /api/steer": handler})
    events = []
    with pytest.raises(Truncated):
        async for event in engine.stream(asking()):
            events.append(event)  # noqa: PERF401  # what came before the error counts
    assert text_of(events, Lane.STEERED).startswith(" the")
    assert len(steer_calls(server)) == 1


async def test_a_break_behind_the_last_frame_loses_nothing(serve: Serve) -> None:
    _, engine = await serve({"POST /api/steer": _cut_after(6)})
    assert text_of(await gather(engine, asking()), Lane.DEFAULT) == " a tower."


async def _vanish(call: Call) -> None:
    await call.cut()


async def _begin_and_vanish(call: Call) -> None:
    await call.start(headers=HEADERS)
    await call.cut()


async def _end_at_once(call: Call) -> None:
    await call.start(headers=HEADERS)


async def _fail_without_a_word(call: Call) -> None:
    await call.answer(b"", 500)


def _streams_badly(dropped: Callable[[Call], Awaitable[None]], whole: Handler) -> Handler:
    async def steer(call: Call) -> None:
        await (dropped if call.json["stream"] else whole)(call)

    return steer


@pytest.mark.parametrize("dropped", [_vanish, _begin_and_vanish, _end_at_once, _fail_without_a_word])
async def test_a_stream_dropped_before_its_first_frame_is_asked_in_one_piece_for_the_reason(
    serve: Serve, dropped: Callable[[Call], Awaitable[None]]
) -> None:
    steer = _streams_badly(dropped, refusing(400, {"message": "Text too long: 962 tokens, max is 200"}))
    server, engine = await serve({"POST /api/steer": steer})
    with pytest.raises(Rejected, match="962 tokens"):
        await gather(engine, asking())
    first, second = (call.json for call in steer_calls(server))
    assert {**first, "stream": False} == second


async def test_if_the_answer_in_one_piece_is_a_text_it_is_shown(serve: Serve) -> None:
    steer = _streams_badly(_vanish, refusing(200, answer(" a b", " c", "abc123")))
    _, engine = await serve({"POST /api/steer": steer})
    assert text_of(await gather(engine, asking()), Lane.STEERED) == " a b"


async def test_a_server_that_drops_everything_is_asked_twice_and_no_more(serve: Serve) -> None:
    server, engine = await serve({"POST /api/steer": _vanish})
    with pytest.raises(Unreachable, match="without an answer"):
        await gather(engine, asking())
    assert len(steer_calls(server)) == 2


async def test_a_service_that_fails_without_a_word_is_asked_twice_and_not_again(serve: Serve) -> None:
    server, engine = await serve({"POST /api/steer": _fail_without_a_word})
    with pytest.raises(Rejected, match="HTTP 500") as raised:
        await gather(engine, asking())
    assert not raised.value.passing
    assert len(steer_calls(server)) == 2


async def test_a_source_that_cannot_be_steered_with_is_told_from_an_index_that_is_mistyped(serve: Serve) -> None:
    _, engine = await serve({"POST /api/steer": refusing(404, UNAVAILABLE)})
    with pytest.raises(NotFound) as raised:
        await gather(engine, asking())
    assert raised.value.hint == "Choose a model and a source whose inference is on."


@pytest.mark.parametrize("body", [{"message": "bad gateway"}, {}], ids=["in words", "without a word"])
async def test_a_gateway_that_answers_for_the_service_is_not_asked_again_before_its_time(
    serve: Serve, body: object
) -> None:
    server, engine = await serve({"POST /api/steer": refusing(502, body, {"Retry-After": "12"})})
    with pytest.raises(Unreachable) as raised:
        await gather(engine, asking())
    assert raised.value.retry_after == 12.0
    assert len(steer_calls(server)) == 1


async def test_where_nobody_listens_is_said_at_once() -> None:
    async with Loopback({}) as server:
        url = server.url
    engine = HostedNeuronpedia("gemma-2-2b", url=url)
    with pytest.raises(Unreachable, match="refused"):
        await gather(engine, asking())
    await engine.aclose()


def _other(content_type: str, status: int = 200) -> Handler:
    async def steer(call: Call) -> None:
        await call.answer("<html>Just a moment</html>", status, content_type)

    return steer


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (_other("text/html"), Malformed),
        (_other("text/html", 404), NotFound),
        (_other("text/html", 500), Rejected),
        (_other("text/html", 502), Unreachable),
        (_other("text/html", 504), TimedOut),
        (_other("application/json"), Malformed),
        (_other("application/octet-stream"), Malformed),
        (streaming([b"data: {not json}\n\n"]), Malformed),
        (streaming([b"data: [1]\n\n"]), Malformed),
        (streaming([b'data: {"STEERED":5,"DEFAULT":null}\n\n']), Malformed),
        (streaming([b'data: {"message":"upstream broke"}\n\n']), Rejected),
        (refusing(200, {"STEERED": None, "DEFAULT": "a", "id": None}), Truncated),
    ],
)
async def test_what_is_not_the_protocol_is_not_shown(serve: Serve, handler: Handler, kind: type[SteerError]) -> None:
    _, engine = await serve({"POST /api/steer": handler})
    with pytest.raises(kind):
        await gather(engine, asking())


async def test_a_key_that_is_repeated_where_texts_were_expected_is_not_shown(serve: Serve) -> None:
    told = b'data: {"message":"the key sk-secret is spent"}\n\n'
    _, engine = await serve({"POST /api/steer": streaming([told])}, key=SecretStr("sk-secret"))
    with pytest.raises(Rejected, match="the key … is spent"):
        await gather(engine, asking())


async def test_a_redirect_to_another_host_is_not_followed_and_the_key_stays(serve: Serve) -> None:
    elsewhere, _ = await serve({"POST /api/steer": streaming()})

    async def steer(call: Call) -> None:
        await call.answer(b"", 308, headers={"Location": f"{elsewhere.url}/api/steer"})

    _, engine = await serve({"POST /api/steer": steer}, key=SecretStr("sk-secret"))
    with pytest.raises(Malformed, match="redirects are not followed") as raised:
        await gather(engine, asking())
    assert elsewhere.calls == []
    assert "sk-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("request_", "kind", "words", "hint"),
    [
        (GenerationRequest("x" * 2049, watched=(CITY,)), Rejected, "2,049 characters", "Shorten it by 1"),
        (GenerationRequest("\N{DOG}" * 1025, watched=(CITY,)), Rejected, "2,050 characters", "Shorten it by 2"),
        (asking(max_tokens=257), Rejected, "257 tokens", "256 or less"),
        (asking(temperature=2.5), Rejected, "2.5", "2 or less"),
        (asking(seed=100_000_001), Rejected, "seed is 100000001", "100000000 or less"),
        (GenerationRequest(PROMPT), Rejected, "there is no dial", "Add a dial"),
        (asking(Dial(CITY, -50.0), chat=True), Rejected, "-300", "Turn the dial up"),
        (asking(Dial(Feature("winter", "winter", 1.0), 1.0)), Unsupported, "not one of its features", "search"),
        (asking(Dial(Feature("gpt2-small/6-res-jb/1", "x", 1.0), 1.0)), Unsupported, "gpt2-small", "Choose the model"),
        (
            asking(Dial(CITY, 1.0), Dial(Feature("gemma-2-2b/7-vec/1", "v", 1.0, FeatureKind.VECTOR), 1.0)),
            Rejected,
            "both at once",
            "Turn the dials of one kind to 0",
        ),
    ],
)
async def test_what_the_service_would_refuse_is_said_before_a_request_is_spent(
    serve: Serve, request_: GenerationRequest, kind: type[SteerError], words: str, hint: str
) -> None:
    server, engine = await serve({"POST /api/steer": streaming()})
    with pytest.raises(kind, match=words) as raised:
        await gather(engine, request_)
    assert hint in raised.value.hint
    assert server.calls == []


async def test_the_largest_prompt_of_the_service_passes(serve: Serve) -> None:
    _, engine = await serve({"POST /api/steer": streaming()})
    vector = SteeringVector.of([Dial(CITY, 30.0)])
    request = GenerationRequest("x" * 2048, Sampling(2.0, 256, 100_000_000), vector)
    assert await gather(engine, request)
