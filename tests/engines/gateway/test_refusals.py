"""What a gateway refuses, and what is no gateway: a sentence, what to do, and never the token."""

import asyncio
import time

import pytest
from engines.collecting import events_of, failure_of
from engines.gateway.asking import Delivered, asked, until
from engines.gateway.conftest import Open, Serve
from loopback import Call, Loopback
from scripted_engine import FEATURES, Gate, ScriptedEngine, speaking

from steer_tui.domain import (
    Dial,
    GenerationRequest,
    Lane,
    Malformed,
    Method,
    NotFound,
    Overloaded,
    RateLimited,
    Rejected,
    Sampling,
    SteerError,
    SteeringVector,
    Unauthorized,
    Unreachable,
    Unsupported,
)
from steer_tui.engines import LanePolicy, Quota
from steer_tui.generation import Pause, RateGate, deliver

TOKEN = "s3cret-token-of-the-lab"
STEERED = (Lane.STEERED,)


async def refusal(engine, request: GenerationRequest) -> SteerError:
    events, error = await failure_of(engine, request)
    assert events == []
    assert TOKEN not in f"{error.message} {error.hint} {error!r} {error.__cause__!r}"
    return error


async def test_a_token_opens_the_door(serve: Serve, open_at: Open) -> None:
    url = await serve(ScriptedEngine(), tokens=(TOKEN,))
    assert len(await events_of(open_at(url, TOKEN), asked())) == 34


@pytest.mark.parametrize(("key", "says"), [(None, "none is set"), (TOKEN + "-another", "does not accept this token")])
async def test_a_token_that_is_missing_or_wrong(serve: Serve, open_at: Open, key: str | None, says: str) -> None:
    url = await serve(ScriptedEngine(), tokens=(TOKEN,))
    error = await refusal(open_at(url, key), asked())
    assert isinstance(error, Unauthorized)
    assert error.message == f"{url} {'does not accept this token' if key else 'wants a token, and none is set'}."
    assert says in error.message
    assert "token" in error.hint


async def test_the_limit_tells_how_long_to_wait(serve: Serve, open_at: Open) -> None:
    url = await serve(ScriptedEngine(), rate_limit="2/minute")
    engine = open_at(url)
    for left in (1, 0):
        await events_of(engine, asked())
        assert engine.info.quota == Quota(left, 2)
    error = await refusal(engine, asked())
    assert isinstance(error, RateLimited)
    assert error.message == f"{url} allows 2 requests in 1 minute, and no more for now."
    assert error.retry_after is not None
    assert 50 <= error.retry_after <= 60


async def test_the_limit_is_waited_out_and_counted_down(serve: Serve, open_at: Open) -> None:
    engine = open_at(await serve(ScriptedEngine(), rate_limit="1/second"))
    await events_of(engine, asked())
    delivered, waits = Delivered(), []

    async def pause(wait: Pause) -> None:
        waits.append(wait)
        await asyncio.sleep(wait.seconds)

    await deliver(engine, asked(), delivered.events.append, pause, gate=RateGate(time.monotonic))
    assert len(delivered.events) == 34
    assert all(isinstance(wait.error, RateLimited) and wait.attempt is None for wait in waits)


async def test_what_is_left_is_known_before_the_first_generation(serve: Serve, open_at: Open) -> None:
    engine = open_at(await serve(ScriptedEngine(), rate_limit="10/minute"))
    assert (engine.info.model, engine.info.quota) == ("unknown model", None)
    await engine.prepare()
    assert (engine.info.model, engine.info.quota) == ("stories-0M", Quota(10, 10))
    assert engine.info.methods == (Method.ADDITIVE, Method.ORTHOGONAL)
    assert engine.info.lanes is LanePolicy.TOGETHER


async def test_what_the_service_behind_has_left_counts_where_it_is_less(serve: Serve, open_at: Open) -> None:
    engine = open_at(await serve(ScriptedEngine(quota=Quota(3, 100)), rate_limit="10/minute"))
    await engine.prepare()
    assert engine.info.quota == Quota(3, 100)


async def test_no_room(serve: Serve, open_at: Open) -> None:
    gate = Gate()
    engine = open_at(await serve(ScriptedEngine(speaking(gate)), generations=1, queue=0))
    request = asked(STEERED)
    stream = engine.stream(request)
    gate.let()
    await anext(stream)
    error = await refusal(engine, asked(STEERED))
    assert isinstance(error, Overloaded)
    assert "no room" in error.message
    assert error.retry_after == 5
    assert error.passing
    await stream.aclose()


async def test_a_place_in_the_queue_is_waited_for(serve: Serve, open_at: Open) -> None:
    gate = Gate()
    behind = ScriptedEngine(speaking(gate))
    url = await serve(behind, generations=1, queue=4)
    first, second = open_at(url), open_at(url)
    stream = first.stream(asked(STEERED))
    gate.let()
    await anext(stream)
    waiting = asyncio.create_task(events_of(second, asked(STEERED)))
    await until(lambda: second.info.model != "unknown model")
    await stream.aclose()
    gate.open()
    assert len(await waiting) == 17


async def test_a_feature_that_the_engine_behind_does_not_have(serve: Serve, open_at: Open) -> None:
    engine = open_at(await serve(ScriptedEngine(features=FEATURES[2:])))
    with pytest.raises(NotFound, match=r"no feature .*scripted/1/0"):
        await Delivered().bring(engine, asked(watching=False))


async def test_a_method_that_the_engine_behind_does_not_have(serve: Serve, open_at: Open) -> None:
    engine = open_at(await serve(ScriptedEngine()))
    vector = SteeringVector.of((Dial(FEATURES[0], 4.0),), Method.ABLATE)
    with pytest.raises(Unsupported, match="no method ablate"):
        await Delivered().bring(engine, GenerationRequest("Once", vector=vector))


async def test_more_tokens_than_the_gateway_gives(serve: Serve, open_at: Open) -> None:
    engine = open_at(await serve(ScriptedEngine()))
    error = await refusal(engine, GenerationRequest("Once", Sampling(max_tokens=100_000)))
    assert isinstance(error, Rejected)
    assert "maxTokens" in error.message


@pytest.mark.parametrize(
    "request_", [GenerationRequest("Hi \ud83d"), GenerationRequest("Hi", Sampling(stop=("\ud83d",)))]
)
async def test_half_a_character_is_refused_by_its_place(
    serve: Serve, open_at: Open, request_: GenerationRequest
) -> None:
    error = await refusal(open_at(await serve(ScriptedEngine())), request_)
    assert isinstance(error, Rejected)
    where = "4 of the prompt" if request_.prompt != "Hi" else "1 of the stop text"
    assert error.message == f"Character {where} is half of a character, and a gateway takes whole ones alone."
    assert "Delete it" in error.hint


@pytest.mark.parametrize("prompt", ["x" * 32_001, "\N{GRINNING FACE}" * 20_000])
async def test_a_prompt_that_is_too_long_is_called_so(serve: Serve, open_at: Open, prompt: str) -> None:
    error = await refusal(open_at(await serve(ScriptedEngine())), GenerationRequest(prompt))
    assert isinstance(error, Rejected)
    assert error.message.startswith("The prompt is too long for the gateway")
    assert "32,000" in error.message or "65,536" in error.message
    assert error.hint == "Shorten the prompt, then try again."


async def test_a_gateway_that_lets_nobody_in_says_why_in_its_own_words(open_at: Open) -> None:
    async def forbid(call: Call) -> None:
        words, hint = "This server answers to its own machine's names alone.", "Start it with a token."
        await call.answer_json({"error": words, "code": "forbidden", "hint": hint}, 403)

    async with Loopback({"GET /api/info": forbid}) as server:
        error = await refusal(open_at(server.url), asked())
    assert isinstance(error, Unauthorized)
    assert error.message == "This server answers to its own machine's names alone."
    assert error.hint == "Start it with a token."


async def test_nobody_there(open_at: Open) -> None:
    async with Loopback({}) as server:
        url = server.url
    error = await refusal(open_at(url), asked())
    assert isinstance(error, Unreachable)
    assert "refused" in error.message


async def test_another_kind_of_server(open_at: Open) -> None:
    async with Loopback({}) as server:
        error = await refusal(open_at(server.url), asked())
    assert isinstance(error, Malformed)
    assert error.message == f"{server.url} is no gateway, or one of another version."
    assert "steer-tui serve" in error.hint


async def test_a_server_that_repeats_the_token(open_at: Open) -> None:
    async def tell(call: Call) -> None:
        words = f"{call.headers['authorization']} is bad"
        await call.answer_json({"error": words, "code": "rejected", "hint": words}, 422)

    async with Loopback({"GET /api/info": tell}) as server:
        error = await refusal(open_at(server.url, TOKEN), asked())
    assert isinstance(error, Rejected)
    assert error.message == "Bearer … is bad" or "…" in error.message


async def test_a_code_that_nobody_knows_is_told_by_its_status(open_at: Open) -> None:
    async def tell(call: Call) -> None:
        await call.answer_json({"error": "Out of tea.", "code": "teapot"}, 503, {"Retry-After": "9"})

    async with Loopback({"GET /api/info": tell}) as server:
        error = await refusal(open_at(server.url), asked())
    assert isinstance(error, Overloaded)
    assert "Out of tea." in error.message
    assert error.retry_after == 9


async def test_a_key_that_no_header_can_carry(open_at: Open) -> None:
    error = await refusal(open_at("http://127.0.0.1:9", f"{TOKEN}\nX: y"), asked())
    assert isinstance(error, Unauthorized)
