"""A controller with a scripted engine and a clock that a test moves: what the controller's tests act upon."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

from fake_time import FakeTime, settle
from scripted_engine import FEATURES, Script, ScriptedEngine

from steer_tui.domain import Dial, Lane
from steer_tui.engines import LanePolicy
from steer_tui.generation import Controller, Deadlines, Inputs, Phase

START = Inputs("Once upon a time", dials=(Dial(FEATURES[0], 4.0), Dial(FEATURES[1])))
"""An example prompt and two dials, the first of them on: winter +4, sea off."""

NO_DEADLINES = Deadlines(None, None, None)


class Rehearsal:
    """What a person can do at the screen, and what they would see."""

    def __init__(self, script: Script | None = None, *, inputs: Inputs = START, **options: Any) -> None:
        self.time = FakeTime()
        lanes, closing = options.pop("lanes", LanePolicy.PARALLEL), options.pop("closing", 0.0)
        kind = options.pop("engine", ScriptedEngine)
        self.engine: ScriptedEngine = kind(script, lanes=lanes, closing=closing, sleep=self.time.sleep)
        settings = {"auto": True, "debounce": 0.5, "deadlines": NO_DEADLINES, **options}
        self.changes = 0
        self.controller = Controller(
            self.engine,
            inputs,
            on_change=self._count,
            clock=self.time.clock,
            sleep=self.time.sleep,
            **settings,
        )
        self._task: asyncio.Task[None] | None = None

    def _count(self) -> None:
        self.changes += 1

    async def begin(self) -> "Rehearsal":
        """Start the controller's long-lived task."""
        self._task = asyncio.create_task(self.controller.run())
        await settle()
        return self

    async def end(self) -> None:
        """Cancel that task, as closing the screen does; raises what the task raised."""
        if self._task is not None:
            self._task.cancel()
            # Streams may take their time to close, and nobody but us moves the clock.
            await self.time.advance(60.0)
            assert self._task.done(), "the controller did not end"
            with suppress(asyncio.CancelledError):
                await self._task

    async def pass_time(self, seconds: float = 0.0) -> None:
        """Let so many seconds pass."""
        await self.time.advance(seconds)

    def turn(self, value: float, dial: int = 0) -> None:
        """Turn a dial."""
        dials = list(self.controller.inputs.dials)
        dials[dial] = dials[dial].turned_to(value)
        self.controller.change(replace(self.controller.inputs, dials=tuple(dials)))

    def edit(self, prompt: str) -> None:
        """Edit the prompt."""
        self.controller.change(replace(self.controller.inputs, prompt=prompt))

    async def turn_and_wait(self, value: float) -> None:
        """Turn the first dial and let the debounce pass."""
        self.turn(value)
        await self.pass_time(0.5)

    async def generate(self) -> None:
        """Press Enter."""
        assert self.controller.generate()
        await settle()

    def phase(self, lane: Lane = Lane.STEERED) -> Phase:
        """The phase of a lane."""
        return self.controller.state.lanes[lane].phase

    def text(self, lane: Lane = Lane.STEERED) -> str:
        """The text of a lane."""
        return self.controller.state.lanes[lane].text
