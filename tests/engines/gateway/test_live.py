"""Dials that act on a text that comes, through the gateway."""

import pytest
from engines.collecting import words
from engines.gateway.asking import Delivered, asked, until
from engines.gateway.conftest import Open, Serve
from engines.gateway.cutting_proxy import CuttingProxy
from live_engine import LiveEngine
from scripted_engine import FEATURES, ScriptedEngine

from steer_tui.domain import ActivationEvent, Dial, Lane, Method, SteeringVector, Truncated, Unsupported
from steer_tui.engines import LiveDials
from steer_tui.engines.services import LiveAtTimes

STEERED = (Lane.STEERED,)
SEA = SteeringVector.of((Dial(FEATURES[1], 3.0),))


async def test_whether_dials_are_live_is_what_the_engine_behind_can(serve: Serve, open_at: Open) -> None:
    live, other = open_at(await serve(LiveEngine())), open_at(await serve(ScriptedEngine()))
    assert isinstance(live, LiveDials)
    assert isinstance(live, LiveAtTimes)
    assert not live.turns_live
    await live.prepare()
    await other.prepare()
    assert (live.turns_live, other.turns_live) == (True, False)
    for engine in (live, other):
        there = open_at(await serve(engine))
        await there.prepare()
        assert there.turns_live == engine.turns_live


async def test_a_turn_acts_from_the_token_on_that_it_names(serve: Serve, open_at: Open) -> None:
    behind = LiveEngine(length=6)
    engine = open_at(await serve(behind))
    request = asked(STEERED)
    stream = engine.stream(request)
    behind.gate.let(2)
    events = [await anext(stream) for _ in range(4)]
    index = await engine.turn(request, SEA, FEATURES[:3])
    behind.gate.open()
    events += [event async for event in stream]
    assert index == 2
    assert words(events) == [" winter+4"] * 2 + [" sea+3"] * 4
    watched = [len(event.features) for event in events if isinstance(event, ActivationEvent)]
    assert watched == [2] * 2 + [3] * 4
    assert behind.turned == [SEA]


async def test_a_stream_that_has_ended_or_is_another_s_cannot_be_turned(serve: Serve, open_at: Open) -> None:
    behind = LiveEngine(length=2)
    engine = open_at(await serve(behind))
    request = asked(STEERED)
    stream = engine.stream(request)
    behind.gate.let()
    await anext(stream)
    assert await engine.turn(asked(STEERED), SEA, ()) is None
    behind.gate.open()
    assert [event async for event in stream]
    assert await engine.turn(request, SEA, ()) is None


async def test_a_turn_that_the_engine_cannot_do_leaves_the_stream_as_it_was(serve: Serve, open_at: Open) -> None:
    behind = LiveEngine(length=3)
    engine = open_at(await serve(behind))
    request = asked(STEERED)
    stream = engine.stream(request)
    behind.gate.let()
    events = [await anext(stream)]
    with pytest.raises(Unsupported, match="no method ablate"):
        await engine.turn(request, SteeringVector(SEA.dials, Method.ABLATE), ())
    behind.gate.open()
    events += [event async for event in stream]
    assert words(events) == [" winter+4"] * 3


async def test_a_turned_run_that_is_lost_goes_on_as_it_was_turned(serve: Serve, open_at: Open) -> None:
    behind = LiveEngine(length=6)
    request, turned = asked(STEERED), asked(STEERED, value=-2.0)
    async with CuttingProxy(await serve(behind), [6]) as proxy:
        engine, before = open_at(proxy.url), Delivered()
        stream = engine.stream(request)
        behind.gate.let(2)
        before.events += [await anext(stream) for _ in range(4)]
        assert await engine.turn(request, turned.vector, request.watched) == 2
        behind.gate.open()
        with pytest.raises(Truncated):
            async for event in stream:
                before.events.append(event)  # those before the failure are wanted
        before.events += [event async for event in engine.resume(request, turned)]
    assert words(before.events) == [" winter+4"] * 2 + [" winter-2"] * 4
    assert before.came_once
    assert len(behind.requests) == 1


async def test_a_run_that_was_not_turned_in_time_is_begun_anew(serve: Serve, open_at: Open) -> None:
    behind = LiveEngine(length=4)
    request, wanted = asked(STEERED), asked(STEERED, value=-2.0)
    behind.gate.open()
    async with CuttingProxy(await serve(behind), [3]) as proxy:
        engine = open_at(proxy.url)
        with pytest.raises(Truncated):
            assert [event async for event in engine.stream(request)]
        events = [event async for event in engine.resume(request, wanted)]
    assert words(events) == [" winter-2"] * 4
    await until(lambda: behind.open_streams == 0)
