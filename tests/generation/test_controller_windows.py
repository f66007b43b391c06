"""Engines that tell beforehand how much of the prompt the model will read."""

import asyncio
from collections.abc import Awaitable, Callable

from fake_time import settle
from rehearsal import Rehearsal
from scripted_engine import ScriptedEngine

from steer_tui.domain import BOTH_LANES, GenerationRequest, Lane, Rejected, Unreachable
from steer_tui.engines import PromptWindow
from steer_tui.generation import Cancelled, Done, Failed

Begin = Callable[..., Awaitable[Rehearsal]]


class Windowed(ScriptedEngine):
    async def prompt_window(self, request: GenerationRequest) -> PromptWindow:
        return PromptWindow(seen=3, total=len(request.prompt.split()))


class Refusing(ScriptedEngine):
    async def prompt_window(self, request: GenerationRequest) -> PromptWindow:
        raise Rejected("The prompt has no end.")


class Slow(ScriptedEngine):
    async def prompt_window(self, request: GenerationRequest) -> PromptWindow:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Unreachable("The connection was lost.") from None
        return PromptWindow(1, 1)


async def test_each_lane_knows_how_much_of_the_prompt_was_read(rehearse: Begin) -> None:
    stage = await rehearse(engine=Windowed)
    await stage.generate()
    assert {lane.window for lane in stage.controller.state.lanes.values()} == {PromptWindow(3, 4)}
    assert isinstance(stage.phase(), Done)


async def test_a_prompt_that_cannot_be_measured_fails_the_lanes_and_not_the_app(rehearse: Begin) -> None:
    stage = await rehearse(engine=Refusing)
    await stage.generate()
    assert all(isinstance(stage.phase(lane), Failed) for lane in BOTH_LANES)
    await stage.turn_and_wait(6.0)
    assert isinstance(stage.phase(), Failed)
    assert stage.engine.requests == []


async def test_a_cancel_that_the_engine_takes_for_a_failure_is_a_cancel(rehearse: Begin) -> None:
    stage = await rehearse(engine=Slow)
    await stage.generate()
    assert stage.controller.cancel()
    await settle()
    assert stage.phase() == stage.phase(Lane.DEFAULT) == Cancelled()
