"""A run that nobody wants is ended at the gateway at once, and nobody waits for that but the end of the app."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from engines.collecting import events_of
from engines.gateway.asking import asked, until
from engines.gateway.conftest import Open, Serve
from engines.gateway.cutting_proxy import CuttingProxy
from loopback import Call, Loopback
from scripted_engine import Gate, ScriptedEngine, speaking

from steer_tui.domain import Lane, Truncated
from steer_tui.engines.gateway import Gateway

STEERED = asked((Lane.STEERED,), watching=False)
TOKEN = b'id: run-1:%d\nevent: token\ndata: {"token": " a", "index": %d, "lane": "steered"}\n\n'
DONE = b'id: run-1:%d\nevent: done\ndata: {"lane": "steered", "finishReason": "complete"}\n\n'


def box(generate: Callable[[Call], Awaitable[None]], end: Callable[[Call], Awaitable[None]] | None = None) -> Loopback:
    """A gateway that generates, and takes goodbyes, as the test says."""

    async def info(call: Call) -> None:
        await call.answer_json({"model": "stories-0M"})

    async def ended(call: Call) -> None:
        await call.answer(status=204)

    routes = {"GET /api/info": info, "POST /api/generate": generate, "DELETE /api/generate/run-1": end or ended}
    return Loopback(routes)


async def speak(call: Call) -> None:
    """One token, and silence."""
    await call.start(headers={"Steer-Run": "run-1"})
    await call.chunk(TOKEN % (1, 0))
    await call.silence()


def goodbyes(server: Loopback) -> list[str]:
    return [call.path for call in server.calls if call.method == "DELETE"]


async def test_closing_a_stream_cancels_what_is_behind_the_gateway(serve: Serve, open_at: Open) -> None:
    gate = Gate()
    behind = ScriptedEngine(speaking(gate))
    engine = open_at(await serve(behind))
    stream = engine.stream(STEERED)
    gate.let(2)
    assert [await anext(stream), await anext(stream)]
    assert behind.open_streams == 1
    await stream.aclose()
    await until(lambda: behind.open_streams == 0)


async def test_a_cancelled_reader_waits_for_no_goodbye_and_the_end_of_the_engine_does() -> None:
    may_answer = asyncio.Event()

    async def end(call: Call) -> None:
        await may_answer.wait()
        await call.answer(status=204)

    async with box(speak, end) as server:
        engine = Gateway(server.url)
        stream = engine.stream(STEERED)
        await anext(stream)
        reading = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await until(lambda: bool(goodbyes(server)))
        closing = asyncio.create_task(engine.aclose())
        await asyncio.wait([closing], timeout=0.05)
        assert not closing.done()
        may_answer.set()
        await closing
        await engine.aclose()
    assert goodbyes(server) == ["/api/generate/run-1"]


async def test_a_goodbye_that_nobody_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steer_tui.engines.gateway.goodbyes.SECONDS_MAX", 0.05)
    async with box(speak, Call.silence) as server:
        engine = Gateway(server.url)
        stream = engine.stream(STEERED)
        await anext(stream)
        await stream.aclose()
        await engine.aclose()
    assert len(goodbyes(server)) == 1


async def test_a_finished_run_gets_none(open_at: Open) -> None:
    async def finish(call: Call) -> None:
        await call.start(headers={"Steer-Run": "run-1"})
        await call.chunk(TOKEN % (1, 0) + DONE % 2)

    async with box(finish) as server:
        engine = Gateway(server.url)
        stream = engine.stream(STEERED)
        assert [await anext(stream), await anext(stream)]
        await stream.aclose()
        assert len(await events_of(engine, STEERED)) == 2
        await engine.aclose()
    assert goodbyes(server) == []


async def test_a_reader_who_goes_before_the_answer_came_leaves_no_run_behind() -> None:
    may_answer = asyncio.Event()

    async def speak_late(call: Call) -> None:
        await may_answer.wait()
        await speak(call)

    async with box(speak_late) as server:
        engine = Gateway(server.url)
        reading = asyncio.create_task(anext(engine.stream(STEERED)))
        await until(lambda: len(server.calls) == 2)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert goodbyes(server) == []
        may_answer.set()
        await engine.aclose()
    assert goodbyes(server) == ["/api/generate/run-1"]
    assert server.calls[1].gone.is_set()


async def test_an_answer_that_does_not_come_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steer_tui.engines.gateway.goodbyes.TELLING_SECONDS_MAX", 0.05)
    async with box(Call.silence) as server:
        engine = Gateway(server.url)
        reading = asyncio.create_task(anext(engine.stream(STEERED)))
        await until(lambda: len(server.calls) == 2)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await server.calls[1].gone.wait()
        await engine.aclose()
    assert goodbyes(server) == []


async def test_what_breaks_the_protocol_is_ended(open_at: Open) -> None:
    async def babble(call: Call) -> None:
        await call.start(headers={"Steer-Run": "run-1"})
        await call.chunk(b"id: run-1:1\nevent: token\ndata: {}\n\n")
        await call.silence()

    async with box(babble) as server:
        engine = Gateway(server.url)
        with pytest.raises(Exception, match="does not say its token"):
            await events_of(engine, STEERED)
        await engine.aclose()
    assert goodbyes(server) == ["/api/generate/run-1"]


async def test_a_lost_run_is_ended_with_the_engine(serve: Serve) -> None:
    gate = Gate()
    behind = ScriptedEngine(speaking(gate))
    url = await serve(behind)
    gate.let(2)
    async with CuttingProxy(url, [2]) as proxy:
        engine = Gateway(proxy.url)
        with pytest.raises(Truncated):
            await events_of(engine, STEERED)
        assert behind.open_streams == 1
        await engine.aclose()
        await until(lambda: behind.open_streams == 0)


async def test_a_lost_run_is_ended_when_its_lane_begins_anew(serve: Serve, open_at: Open) -> None:
    gate = Gate()
    behind = ScriptedEngine(speaking(gate))
    url = await serve(behind)
    gate.let(2)
    async with CuttingProxy(url, [2]) as proxy:
        engine = open_at(proxy.url)
        with pytest.raises(Truncated):
            await events_of(engine, STEERED)
        stream = engine.stream(asked((Lane.STEERED,), value=7.0, watching=False))
        beginning = asyncio.create_task(anext(stream))
        await until(lambda: "close 1 steered" in behind.log)
        gate.let()
        assert await beginning
        await stream.aclose()
