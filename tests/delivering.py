"""One delivery of a request from a scripted engine, with everything that it brought written down."""

import asyncio
from typing import Any

from fake_time import FakeTime, settle
from scripted_engine import Script, ScriptedEngine

from steer_tui.domain import BOTH_LANES, Event, GenerationRequest, Lane, TokenEvent
from steer_tui.engines import Engine
from steer_tui.generation import Deadlines, Pause, RateGate, deliver

NO_DEADLINES = Deadlines(None, None, None)


class Delivery:
    """A request on its way; `events` and `pauses` are what has come so far."""

    def __init__(
        self,
        script: Script,
        *,
        lanes: tuple[Lane, ...] = (Lane.STEERED,),
        engine: Engine | None = None,
        time: FakeTime | None = None,
        gated: bool = False,
        closing: float = 0.0,
        **options: Any,
    ) -> None:
        self.time = time or FakeTime()
        self.engine = ScriptedEngine(script, closing=closing, sleep=self.time.sleep)
        self.events: list[Event] = []
        self.pauses: list[Pause] = []
        self.moments: list[float] = []
        """When each pause began and, last, when it was all over, in seconds after the start."""
        self.left = 0
        self.gate = RateGate(self.time.clock) if gated else None
        settings = {"deadlines": NO_DEADLINES, "clock": self.time.clock, "sleep": self.time.sleep, **options}
        request = GenerationRequest("Once", lanes=lanes)
        self.task = asyncio.create_task(
            deliver(
                engine or self.engine, request, self.sink, self._pause, leave=self._leave, gate=self.gate, **settings
            )
        )
        self._began = self.time.now
        self.task.add_done_callback(self._note_moment)

    def _note_moment(self, _: object = None) -> None:
        self.moments.append(self.time.now - self._began)

    def sink(self, event: Event) -> None:
        """Write one event down."""
        self.events.append(event)

    async def _pause(self, pause: Pause) -> None:
        self.pauses.append(pause)
        self._note_moment()
        await self.time.sleep(pause.seconds)

    def _leave(self, request: GenerationRequest) -> GenerationRequest:
        self.left += 1
        return request

    async def pass_time(self, seconds: float = 0.0) -> None:
        """Let so many seconds pass."""
        await self.time.advance(seconds)

    async def end(self, seconds: float = 10_000.0) -> BaseException | None:
        """Let it end within so many seconds: None where all went well, or the error."""
        await self.time.advance(seconds)
        await settle()
        assert self.task.done(), "the delivery has not ended"
        return asyncio.CancelledError() if self.task.cancelled() else self.task.exception()

    @property
    def words(self) -> list[str]:
        """The tokens that have come, those of lost attempts included."""
        return [event.token for event in self.events if isinstance(event, TokenEvent)]

    @property
    def waits(self) -> list[float]:
        """The seconds of each pause."""
        return [pause.seconds for pause in self.pauses]


__all__ = ["BOTH_LANES", "NO_DEADLINES", "Delivery"]
