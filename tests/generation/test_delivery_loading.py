"""No deadline runs while an engine's server loads its model."""

import asyncio
from dataclasses import replace

import pytest
from delivering import Delivery
from fake_time import FakeTime
from loading_engine import LoadingEngine
from scripted_engine import Gate, Script, done, playing, token

from steer_tui.domain import Rejected, TimedOut
from steer_tui.generation import Deadlines, patience
from steer_tui.generation.patience import answer_within, finding

LIMITS = Deadlines(first_event=300.0, silence=60.0, whole=1000.0)


def delivered(script: Script) -> tuple[Delivery, LoadingEngine]:
    time = FakeTime()
    engine = LoadingEngine(script, clock=time.clock, sleep=time.sleep)
    return Delivery(script, engine=engine, time=time, deadlines=LIMITS), engine


async def test_an_engine_may_load_for_longer_than_its_first_event_may_take() -> None:
    delivery, engine = delivered(playing([250.0, token("a"), done()]))
    await delivery.pass_time(1100.0)
    assert engine.loading is not None
    assert (delivery.pauses, delivery.task.done()) == ([], False)
    engine.loaded.set()
    assert await delivery.end(251.0) is None
    assert delivery.words == ["a"]


async def test_once_it_has_loaded_its_first_event_has_its_time_and_no_more() -> None:
    delivery, engine = delivered(playing([Gate()]))
    await delivery.pass_time(1100.0)
    engine.loaded.set()
    await delivery.pass_time(298.0)
    assert delivery.pauses == []
    await delivery.pass_time(4.0)
    assert isinstance(delivery.pauses[0].error, TimedOut)
    delivery.task.cancel()
    await delivery.pass_time()


async def test_a_load_that_fails_ends_the_delivery_and_a_cancel_ends_the_load() -> None:
    delivery, engine = delivered(playing([done()]))
    await delivery.pass_time(400.0)
    engine.fail(Rejected("There is no such model."))
    assert isinstance(await delivery.end(0.0), Rejected)
    delivery, engine = delivered(playing([done()]))
    await delivery.pass_time(400.0)
    delivery.task.cancel()
    assert isinstance(await delivery.end(0.0), asyncio.CancelledError)
    assert (engine.starts, engine.ends, engine.loading) == (1, 1, None)


async def test_what_is_asked_beside_generating_waits_for_a_load_and_for_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "LOADING_LOOK", 0.05)
    engine = LoadingEngine()
    waiting = asyncio.create_task(engine.prepare())
    await asyncio.sleep(0)
    async with answer_within(0.5, engine):
        await asyncio.sleep(0.8)
    engine.loaded.set()
    await waiting
    with pytest.raises(TimedOut, match=r"The engine did not answer for 0\.1 seconds"):
        async with answer_within(0.1, engine):
            await asyncio.Event().wait()


@pytest.mark.parametrize(("name", "seconds"), [("builtin", 0.02), ("interp", 0.2), ("gateway", 0.2)])
async def test_what_an_engine_may_have_to_measure_first_takes_longer_to_find(
    monkeypatch: pytest.MonkeyPatch, name: str, seconds: float
) -> None:
    monkeypatch.setattr(patience, "SECONDS", 0.02)
    engine = LoadingEngine()
    engine.info = replace(engine.info, name=name)
    with pytest.raises(TimedOut, match=f"for {seconds:g} seconds"):
        async with finding(engine):
            await asyncio.Event().wait()
