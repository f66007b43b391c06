"""A stream that is lost goes on behind its last event: no token comes twice, and none is lost."""

import asyncio

import pytest
from engines.collecting import events_of, words
from engines.gateway.asking import Delivered, asked, until
from engines.gateway.conftest import Open, Serve
from engines.gateway.cutting_proxy import CuttingProxy
from loopback import Call, Loopback
from scripted_engine import Gate, ScriptedEngine, speaking

from steer_tui.domain import (
    BOTH_LANES,
    Dial,
    GenerationRequest,
    Lane,
    RewindEvent,
    Sampling,
    SteeringVector,
    Truncated,
    Unreachable,
)
from steer_tui.engines import Resumes
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.server.serving import running
from steer_tui.server.settings import ServeSettings

CUTS = [0, 1, 2, 3, 4, 5, 18, 31, 32, 33]
"""Before and behind each kind of the 34 events: a token, its activations, the same of the other lane, two ends."""


async def undisturbed(request: GenerationRequest) -> Delivered:
    return await Delivered().bring(ScriptedEngine(), request)


async def test_the_transcript_is_that_of_an_undisturbed_run(serve: Serve, open_at: Open) -> None:
    behind = ScriptedEngine()
    url, expected = await serve(behind), await undisturbed(asked())
    for count, at in enumerate(CUTS, 1):
        async with CuttingProxy(url, [at]) as proxy:
            delivered = await Delivered().bring(open_at(proxy.url), asked())
        assert delivered.transcript == expected.transcript, at
        assert delivered.came_once, at
        assert delivered.different == [], at
        assert [type(loss) for loss in delivered.losses] == [Truncated], at
        assert (len(behind.requests), proxy.streams) == (count, 2), at


async def test_an_answer_that_never_came_is_asked_for_anew(serve: Serve, open_at: Open) -> None:
    async with CuttingProxy(await serve(ScriptedEngine()), [-1]) as proxy:
        delivered = await Delivered().bring(open_at(proxy.url), asked())
    assert delivered.events == (await undisturbed(asked())).events
    assert [type(loss) for loss in delivered.losses] == [Unreachable]


async def test_half_an_event_is_none(serve: Serve, open_at: Open) -> None:
    behind = ScriptedEngine()
    url, expected = await serve(behind), await undisturbed(asked())
    for count, beyond in enumerate([1, 10, 40, 60], 1):
        async with CuttingProxy(url, [5], beyond=beyond) as proxy:
            delivered = await Delivered().bring(open_at(proxy.url), asked())
        assert delivered.transcript == expected.transcript, beyond
        assert delivered.came_once, beyond
        assert len(behind.requests) == count, beyond


async def test_it_may_be_lost_three_times(serve: Serve, open_at: Open) -> None:
    behind = ScriptedEngine()
    async with CuttingProxy(await serve(behind), [3, 0, 7]) as proxy:
        delivered = await Delivered().bring(open_at(proxy.url), asked())
    assert delivered.transcript == (await undisturbed(asked())).transcript
    assert delivered.came_once
    assert (len(behind.requests), proxy.streams) == (1, 4)


async def test_a_fourth_loss_leaves_the_text_so_far_and_says_what_happened(serve: Serve, open_at: Open) -> None:
    async with CuttingProxy(await serve(ScriptedEngine()), [3, 1, 1, 1]) as proxy:
        delivered = Delivered()
        with pytest.raises(Truncated, match="was lost in the middle"):
            await delivered.bring(open_at(proxy.url), asked(watching=False))
    assert len(words(delivered.events)) + len(words(delivered.events, Lane.DEFAULT)) == 6


async def test_it_goes_on_while_the_engine_still_speaks(serve: Serve, open_at: Open) -> None:
    gate = Gate()
    behind = ScriptedEngine(speaking(gate))
    request, delivered = asked(watching=False), Delivered()
    async with CuttingProxy(await serve(behind), [4]) as proxy:
        gate.let(8)
        delivering = asyncio.create_task(delivered.bring(open_at(proxy.url), request))
        await until(lambda: proxy.streams == 2)
        gate.open()
        await delivering
    assert delivered.transcript == (await undisturbed(request)).transcript
    assert len(behind.requests) == 1


async def test_resuming_does_not_count(serve: Serve, open_at: Open) -> None:
    async with CuttingProxy(await serve(ScriptedEngine(), rate_limit="1/minute"), [2, 2]) as proxy:
        delivered = await Delivered().bring(open_at(proxy.url), asked())
    assert delivered.transcript == (await undisturbed(asked())).transcript


async def test_a_compressed_stream_goes_on_too(serve: Serve, open_at: Open) -> None:
    behind = ScriptedEngine()
    url, expected = await serve(behind), await undisturbed(asked())
    for count, cut in enumerate([0, 1, 100, 300], 1):
        async with CuttingProxy(url, [cut], squeezed=True) as proxy:
            delivered = await Delivered().bring(open_at(proxy.url), asked())
        assert delivered.transcript == expected.transcript, cut
        assert delivered.came_once, cut
        assert (len(behind.requests), proxy.streams) == (count, 2), cut


async def test_the_embedded_model_s_text_goes_on_as_if_nothing_had_been(serve: Serve, open_at: Open) -> None:
    behind = BuiltinEngine()
    try:
        (feature,) = await behind.find_features("winter", 1)
        request = GenerationRequest(
            "Once upon a time",
            Sampling(max_tokens=6),
            SteeringVector.of((Dial(feature, 4.0),)),
            BOTH_LANES,
            (feature,),
        )
        url = await serve(behind)
        whole = await Delivered().bring(open_at(url), request)
        for at in (1, 15):
            async with CuttingProxy(url, [at]) as proxy:
                delivered = await Delivered().bring(open_at(proxy.url), request)
            assert delivered.transcript == whole.transcript
            assert delivered.came_once
    finally:
        await behind.aclose()


async def test_a_run_that_is_gone_is_begun_anew_behind_what_is_shown(serve: Serve, open_at: Open) -> None:
    behind = ScriptedEngine()
    async with CuttingProxy(await serve(behind, keep_seconds=0.0), [5]) as proxy:
        delivered = await Delivered().bring(open_at(proxy.url), asked())
    assert delivered.transcript == (await undisturbed(asked())).transcript
    assert delivered.came_once
    assert len(behind.requests) == 2


async def test_a_server_that_has_come_back_knows_no_run_and_begins_it_anew(serve: Serve, open_at: Open) -> None:
    first, second = ScriptedEngine(), ScriptedEngine()
    request = asked()
    async with CuttingProxy(await serve(first), [5]) as proxy:
        engine = open_at(proxy.url)
        with pytest.raises(Truncated):
            await events_of(engine, request)
        proxy.turn_to(await serve(second))
        events = [event async for event in engine.resume(request, request)]
    assert events == await events_of(ScriptedEngine(), request)
    assert (len(first.requests), len(second.requests)) == (1, 1)


async def test_another_vector_is_another_run(serve: Serve, open_at: Open) -> None:
    behind = ScriptedEngine()
    async with CuttingProxy(await serve(behind), [5]) as proxy:
        engine = open_at(proxy.url)
        assert isinstance(engine, Resumes)
        lost = asked()
        with pytest.raises(Truncated):
            await events_of(engine, lost)
        events = [event async for event in engine.resume(lost, asked(value=6.0))]
    assert not any(isinstance(event, RewindEvent) for event in events)
    assert words(events)[0] == " winter+6"
    assert len(behind.requests) == 2


async def test_an_equal_request_that_was_not_lost_begins_anew(serve: Serve, open_at: Open) -> None:
    async with CuttingProxy(await serve(ScriptedEngine()), [5]) as proxy:
        engine = open_at(proxy.url)
        with pytest.raises(Truncated):
            await events_of(engine, asked())
        assert await events_of(engine, asked()) == await events_of(ScriptedEngine(), asked())


async def test_a_server_that_dies_leaves_the_text_so_far_and_says_so(open_at: Open) -> None:
    async def die(call: Call) -> None:
        await call.start(headers={"Steer-Run": "abc"})
        await call.chunk(b'id: abc:1\nevent: token\ndata: {"token": " a", "index": 0, "lane": "steered"}\n\n')
        server.close()
        await call.reset()

    async def info(call: Call) -> None:
        await call.answer_json({"model": "stories-0M"})

    async with Loopback({"POST /api/generate": die, "GET /api/info": info}) as loopback:
        server, delivered = loopback._server, Delivered()
        engine = open_at(loopback.url)
        with pytest.raises(Unreachable, match="refused") as failed:
            await delivered.bring(engine, asked((Lane.STEERED,)))
    assert words(delivered.events) == [" a"]
    assert [type(loss) for loss in delivered.losses] == [Truncated, Unreachable, Unreachable]
    assert "abc" not in f"{failed.value.message} {failed.value.hint}"


async def test_a_server_that_ends_says_so_and_the_text_stays(open_at: Open) -> None:
    gate = Gate()
    delivered = Delivered()
    async with running(ScriptedEngine(speaking(gate)), ServeSettings(port=0)) as url:
        delivering = asyncio.create_task(delivered.bring(open_at(url), asked((Lane.STEERED,), watching=False)))
        gate.let(2)
        await until(lambda: len(delivered.events) == 2)
    with pytest.raises(Unreachable, match="refused"):
        await delivering
    assert words(delivered.events) == [" winter+4", " the"]
    assert delivered.losses[0].message == "The server is ending."
