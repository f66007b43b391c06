"""Runs that are read: gone on with where the connection was lost, and ended where nobody wants them any longer."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from steer_tui.domain import ErrorEvent, Event, GenerationRequest, Lane, RateLimited, SteerError, TimedOut, Truncated
from steer_tui.engines.gateway.bodies import generation_body
from steer_tui.engines.gateway.connection import Connection
from steer_tui.engines.gateway.explaining import Gone
from steer_tui.engines.gateway.goodbyes import Goodbyes
from steer_tui.engines.gateway.run import Run
from steer_tui.wire import read_events

if TYPE_CHECKING:
    import httpx

EVENT_BYTES_MAX = 1024 * 1024
"""The largest event that is taken: a token with the activations of many features fits in many times."""

_RUN_HEADER = "steer-run"


class OutOfTime(TimedOut):
    """The gateway's time for a generation is over; a further one would be given no more."""

    default_hint = "Ask for fewer tokens, or have the gateway started with more time for a generation."
    passing = False


class Ended(Truncated):
    """Somebody else of the same token, or address, has ended the generation; nobody should begin it again unasked."""

    default_hint = "Another client with your token has ended it; generate once more."
    passing = False


_ENDS: dict[str, type[SteerError]] = {"out_of_time": OutOfTime, "cancelled": Ended}
"""What the gateway itself says; the engine behind it has codes of its own, `timed_out` of another's time."""


class Following:
    """The runs that are read, and those whose connection was lost."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._goodbyes = Goodbyes(connection.end)
        self._read: set[Run] = set()
        self._lost: set[Run] = set()

    async def begin(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """The events of a new run; what was lost of the same lanes is wanted no more."""
        self._end_lost(request.lanes)
        await self._goodbyes.said()  # a gateway may have one place only
        run = Run(request)
        asked = self._owned(run, self._connection.generation(generation_body(request)))
        async with aclosing(self._follow(run, asked)) as events:
            async for event in events:
                yield event

    async def go_on(self, run: Run, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """What follows of a run that was lost, behind a rewind a lane that says how much holds.

        Raises `Gone` before any event where the gateway does not know it any more.
        """
        self._lost.discard(run)
        run.request = request
        async with aclosing(self._follow(run, self._connection.rest_of_generation(run.place))) as events:
            async for event in events:
                yield event

    def give_up(self, request: GenerationRequest) -> None:
        """Nobody goes on with the run of this very request, where its connection was lost."""
        if (run := self.lost(request)) is not None:
            self._lost.discard(run)
            self._end(run)

    def lost(self, request: GenerationRequest) -> Run | None:
        """The run of this very request, if its connection was lost."""
        return next((run for run in self._lost if run.request is request), None)

    def read(self, request: GenerationRequest) -> Run | None:
        """The run of this very request, if it is read."""
        return next((run for run in self._read if run.request is request), None)

    async def aclose(self) -> None:
        """End what was lost, and wait until every goodbye was said."""
        self._end_lost(tuple(Lane))
        await self._goodbyes.said()

    async def _follow(
        self, run: Run, asked: "AbstractAsyncContextManager[httpx.Response]"
    ) -> AsyncGenerator[Event, None]:
        self._read.add(run)
        try:
            async with asked as response:
                if run.name is None:
                    run.be_called(response.headers.get(_RUN_HEADER))
                else:
                    for rewind in run.what_holds():
                        yield rewind
                async with aclosing(read_events(response, EVENT_BYTES_MAX)) as frames:
                    async for frame in frames:
                        event = run.take(frame)
                        if event is not None:
                            yield _unless_ended(event)
                        if run.is_over:
                            return
            raise Truncated("The gateway ended the stream before the text did.")
        except Gone:
            run.name = None
            raise
        except SteerError as error:
            if error.passing:
                self._connection.forget()
            if run.name is not None and (error.passing or isinstance(error, RateLimited)):
                self._lost.add(run)
            raise
        finally:
            self._read.discard(run)
            if run not in self._lost:
                self._end(run)

    @asynccontextmanager
    async def _owned(
        self, run: Run, asked: "AbstractAsyncContextManager[httpx.Response]"
    ) -> "AsyncGenerator[httpx.Response, None]":
        """The answer to what begins a run, which the gateway may have begun before it answers.

        A reader who goes while the answer is under way leaves it to a goodbye.
        """
        answer = AsyncExitStack()
        asking = asyncio.create_task(answer.enter_async_context(asked))
        try:
            await asyncio.wait([asking])  # which leaves the task alone where this is cancelled
        except asyncio.CancelledError:
            self._goodbyes.say_once_told(_told_to_nobody(run, asking, answer))
            raise
        async with answer:
            yield asking.result()

    def _end_lost(self, lanes: Sequence[Lane]) -> None:
        for run in [run for run in self._lost if run.has_any_of(lanes)]:
            self._lost.discard(run)
            self._end(run)

    def _end(self, run: Run) -> None:
        if run.name is not None and not run.is_over:
            self._goodbyes.say(run.name)


async def _told_to_nobody(run: Run, asking: "asyncio.Task[httpx.Response]", answer: AsyncExitStack) -> str | None:
    """The name that a run gets whose reader has gone."""
    async with answer:
        run.be_called((await asking).headers.get(_RUN_HEADER))
    return run.name


def _unless_ended(event: Event) -> Event:
    if isinstance(event, ErrorEvent) and event.lane is None and event.code in _ENDS:
        raise _ENDS[event.code](event.message)
    return event
