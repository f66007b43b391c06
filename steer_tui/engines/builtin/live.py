"""A request on its way: what its reader has taken of it, and how its steered lane is turned meanwhile."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from steer_tui.domain import ActivationEvent, DoneEvent, Event, GenerationRequest, Lane, TokenEvent
from steer_tui.engines.builtin.stream import Steps, Stream
from steer_tui.engines.builtin.worker import Worker

if TYPE_CHECKING:
    from steer_tui.engines.builtin.lane import Course
    from steer_tui.engines.builtin.model import Run


class LiveRun:
    """The events of a request, computed on the worker; the run itself is begun and turned there alone."""

    def __init__(self, worker: Worker, request: GenerationRequest, begin: Callable[[], "Run"]) -> None:
        self.request = request
        """What the reader has asked for."""
        self._worker = worker
        self._begin = begin
        self._run: Run | None = None
        self._taken = 0
        self._stream = Stream(self._steps())
        self.is_steering = Lane.STEERED in request.lanes
        """Whether the steered lane has not come to its end."""

    async def events(self) -> AsyncGenerator[Event, None]:
        """The events in order; closing the generator stops the work."""
        async with aclosing(self._worker.read(self._stream)) as events:
            async for event in events:
                match event:
                    case TokenEvent(index=index, lane=Lane.STEERED):
                        self._taken = index + 1
                    case DoneEvent(lane=Lane.STEERED):
                        self.is_steering = False
                yield event

    def turn(self, course: "Course") -> int:
        """Let the steered lane take this course from the next token on that the reader takes: gives its index."""
        keep = self._taken

        def is_stale(event: Event) -> bool:
            match event:
                case TokenEvent(index=index, lane=Lane.STEERED) | ActivationEvent(token_index=index, lane=Lane.STEERED):
                    return index >= keep
                case DoneEvent(lane=Lane.STEERED):
                    return True
            return False

        self._worker.recall(self._stream, is_stale, self._turned(keep, course))
        return keep

    def _steps(self) -> Steps:
        if self._run is None:
            self._run = self._begin()
        yield from self._run.steps()

    def _turned(self, keep: int, course: "Course") -> Steps:
        if self._run is None:
            self._run = self._begin()
        self._run.turn(keep, course)
        yield from self._run.steps()
