"""Esc in each phase, the end of the screen, and events of runs that are over."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from fake_time import settle
from rehearsal import Rehearsal
from scripted_engine import Gate, playing, speaking, token

from steer_tui.domain import BOTH_LANES, DoneEvent, FinishReason, Lane, RateLimited, Rejected, Unreachable
from steer_tui.generation import Cancelled, Connecting, Done, Failed, Idle, Phase, Retrying, Settling, Streaming

Begin = Callable[..., Awaitable[Rehearsal]]


async def test_esc_with_nothing_under_way_does_nothing(rehearse: Begin) -> None:
    stage = await rehearse()
    assert not stage.controller.cancel()
    assert stage.phase() == Idle()
    await stage.generate()
    assert not stage.controller.cancel()
    assert isinstance(stage.phase(), Done)


async def test_esc_in_connecting_closes_the_streams(rehearse: Begin) -> None:
    stage = await rehearse(speaking(Gate()))
    await stage.generate()
    assert stage.phase() == Connecting()
    assert stage.controller.cancel()
    assert stage.phase() == stage.phase(Lane.DEFAULT) == Cancelled()
    await settle()
    assert stage.engine.open_streams == 0


async def test_esc_in_streaming_closes_the_streams_and_the_text_so_far_stays(rehearse: Begin) -> None:
    gate = Gate()
    stage = await rehearse(speaking(gate))
    await stage.generate()
    gate.let(6)
    await settle()
    before = stage.text()
    assert stage.phase() == Streaming()
    assert stage.controller.cancel()
    gate.open()
    await stage.pass_time(10.0)
    assert stage.phase() == stage.phase(Lane.DEFAULT) == Cancelled()
    assert before
    assert stage.text() == before
    assert stage.engine.open_streams == 0


async def test_esc_right_after_enter_sends_nothing(rehearse: Begin) -> None:
    stage = await rehearse()
    stage.controller.generate()
    stage.controller.cancel()
    await stage.pass_time(1.0)
    assert stage.engine.requests == []
    assert stage.phase() == Cancelled()


async def test_esc_in_settling_drops_the_pending_restart_and_goes_back(rehearse: Begin) -> None:
    stage = await rehearse()
    await stage.generate()
    before: Phase = stage.phase()
    stage.turn(6.0)
    assert stage.phase() == Settling(before)
    assert stage.controller.cancel()
    assert stage.phase() == before
    await stage.pass_time(1.0)
    assert len(stage.engine.requests) == 2
    assert stage.controller.is_stale(Lane.STEERED)


async def test_esc_in_settling_after_a_stream_was_stopped_for_it_is_a_cancel(rehearse: Begin) -> None:
    stage = await rehearse(speaking(Gate()))
    await stage.generate()
    stage.turn(6.0)
    stage.controller.cancel()
    assert stage.phase() == Cancelled()


async def test_esc_in_rate_limited_cancels(rehearse: Begin) -> None:
    stage = await rehearse(playing([RateLimited("Too many requests.", retry_after=5.0)]))
    await stage.generate()
    assert stage.controller.cancel()
    await stage.pass_time(10.0)
    assert stage.phase() == Cancelled()
    assert len(stage.engine.requests) == 2


async def test_esc_in_retrying_cancels(rehearse: Begin) -> None:
    stage = await rehearse(playing([Unreachable("Gone.")]))
    await stage.generate()
    assert isinstance(stage.phase(), Retrying)
    assert stage.controller.cancel()
    await stage.pass_time(60.0)
    assert stage.phase() == Cancelled()
    assert len(stage.engine.requests) == 2


async def test_esc_after_a_failure_leaves_the_failure_to_be_read(rehearse: Begin) -> None:
    stage = await rehearse(playing([Rejected("No.")]))
    await stage.generate()
    assert not stage.controller.cancel()
    assert isinstance(stage.phase(), Failed)


async def test_esc_twice_lets_the_engine_close_in_peace(rehearse: Begin) -> None:
    stage = await rehearse(speaking(Gate()), closing=2.0)
    await stage.generate()
    assert stage.controller.cancel()
    await settle()
    assert not stage.controller.cancel()
    await stage.generate()
    await stage.pass_time(1.9)
    assert stage.engine.log == ["open 1 steered", "open 2 default"]
    await stage.pass_time(0.2)
    assert stage.engine.most_open == 2
    assert stage.engine.open_streams == 2


async def test_esc_while_the_engine_closes_after_a_timeout_stays_a_cancel(rehearse: Begin) -> None:
    from steer_tui.generation import Deadlines

    stage = await rehearse(speaking(Gate()), closing=5.0, deadlines=Deadlines(first_event=10.0))
    await stage.generate()
    await stage.pass_time(11.0)
    assert stage.controller.cancel()
    await stage.pass_time(60.0)
    assert stage.phase() == Cancelled()
    assert len(stage.engine.requests) == 2


async def test_enter_after_esc_starts_both_lanes_anew(rehearse: Begin) -> None:
    gate = Gate()
    stage = await rehearse(speaking(gate))
    await stage.generate()
    gate.let(6)
    await settle()
    stage.controller.cancel()
    gate.open()
    await stage.generate()
    assert all(isinstance(stage.phase(lane), Done) for lane in BOTH_LANES)
    assert stage.text().split()[:3] == ["winter+4", "the", "sea"]


async def test_ending_the_long_lived_task_closes_every_stream(rehearse: Begin) -> None:
    stage = await rehearse(speaking(Gate()), closing=1.0)
    await stage.generate()
    assert stage.engine.open_streams == 2
    await stage.end()
    assert stage.engine.open_streams == 0
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("event", [token("late"), DoneEvent(Lane.STEERED, FinishReason.COMPLETE)])
async def test_events_of_an_old_run_are_dropped(rehearse: Begin, event: object) -> None:
    stage = await rehearse(speaking(Gate()))
    await stage.generate()
    state = stage.controller.state
    old = state.lanes[Lane.STEERED].run
    await stage.turn_and_wait(6.0)
    assert state.lanes[Lane.STEERED].run != old
    assert not state.apply(event, old, 0.0)  # type: ignore[arg-type]
    assert stage.phase() == Connecting()
    assert stage.text() == ""
