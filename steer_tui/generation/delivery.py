"""One request, brought home: deadlines, retries after a lost connection, and waits for a rate limit.

Time lives here and nowhere below. The events go to a `sink` that returns at once, and what we wait for ourselves, for a
pace or between attempts, does not count, so that the deadlines measure the engine alone; nor does the time in which a
server loads its model.
"""

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias

from steer_tui.domain import (
    Event,
    GenerationRequest,
    Lane,
    Malformed,
    RateLimited,
    SteerError,
    TimedOut,
    TokenEvent,
    Truncated,
)
from steer_tui.engines import Engine, PromptWindow, Resumes, Windows
from steer_tui.engines.services import Loads
from steer_tui.generation.attempts import Attempts
from steer_tui.generation.patience import LOADING_LOOK, answer_within, is_loading

RETRIES = 3
"""How often a lost connection is tried again."""

FIRST_LIMIT_WAIT = 60.0
"""Seconds to wait for a rate limit that names no time; each further one waits twice as long."""

SHORTEST_LIMIT_WAIT = 1.0
"""Seconds to wait at least: a limit that names no wait at all must not be met by a flood of requests."""

BREATH = 0.008
"""Seconds of uninterrupted events after which the loop gets a turn: a producer that never sleeps starves painting."""

PACE_LOOK = 0.25
"""Seconds between two looks at the pace while a token is held back: it may have changed."""

Clock: TypeAlias = Callable[[], float]
Sleep: TypeAlias = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long to wait for an engine, in seconds; None waits for ever."""

    first_event: float | None = 300.0
    silence: float | None = 60.0
    """Between two events."""
    whole: float | None = None


class RateGate:
    """Keeps every request to an engine back until its rate limit is over, however often the request is replaced."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._next_wait = FIRST_LIMIT_WAIT
        self.until = 0.0
        """When the next request may leave, on the clock's scale."""
        self.error: RateLimited | None = None

    def close(self, error: RateLimited) -> None:
        """A request was refused: none leaves for as long as the error says."""
        self.error = error
        wait = error.retry_after
        if wait is None:
            if self.seconds_left > 0:
                return  # the other lane's request left before the gate closed, and met the same limit
            wait, self._next_wait = self._next_wait, self._next_wait * 2
        self.until = max(self.until, self._clock() + max(wait, SHORTEST_LIMIT_WAIT))

    def lift(self) -> None:
        """Let the next request leave now: the person said so."""
        self.until = 0.0

    def forget(self) -> None:
        """A request went well: the next limit that names no time starts at FIRST_LIMIT_WAIT again."""
        self._next_wait = FIRST_LIMIT_WAIT

    @property
    def seconds_left(self) -> float:
        """How long the next request has to wait; 0 or less when it may leave."""
        return self.until - self._clock()


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait before the next attempt: after a lost connection (`attempt` of RETRIES) or for a rate limit (None)."""

    seconds: float
    error: SteerError
    attempt: int | None = None


class _Watch:
    """Raises TimedOut when an engine stays silent for too long, or takes too long; one clock reading an event."""

    def __init__(
        self, engine: Engine, deadlines: Deadlines, on_loading: Callable[[], None], clock: Clock, sleep: Sleep
    ) -> None:
        self._engine, self._may_load, self._on_loading = engine, isinstance(engine, Loads), on_loading
        self._deadlines, self._clock, self._sleep = deadlines, clock, sleep
        self._began = self.last_event = clock()
        self.heard = False

    def begin_attempt(self) -> None:
        """Another request has left, of the same generation."""
        self.last_event, self.heard = self._clock(), False

    def excuse(self, seconds: float) -> None:
        """So much time is ours, and not the engine's; its silence counts from the end of it."""
        self.last_event = self._clock() + seconds
        self._began += seconds

    @property
    def is_over(self) -> bool:
        """Whether the generation has had all its time."""
        whole = self._deadlines.whole
        return bool(whole) and self._clock() >= self._began + (whole or 0)

    def _left(self) -> tuple[float, str]:
        now, limits = self._clock(), self._deadlines
        silence = limits.silence if self.heard else limits.first_event
        what = "fell silent" if self.heard else "did not answer"
        left = [(self.last_event + silence - now, f"The engine {what} for {silence:g} seconds.")] if silence else []
        if limits.whole:
            sentence = f"The generation took longer than {limits.whole:g} seconds."
            left.append((self._began + limits.whole - now, sentence))
        return min(left, default=(3600.0, ""))

    async def run(self) -> None:
        """Sleep until a deadline has passed, again and again as events push it back."""
        while True:
            if self._may_load and is_loading(self._engine):
                self.excuse(LOADING_LOOK)
                self._on_loading()
                await self._sleep(LOADING_LOOK)
                continue
            seconds, sentence = self._left()
            if seconds <= 0:
                raise TimedOut(sentence)
            # The first event may come now, and the silence allowed after it may be the shorter time.
            nap = min(seconds, self._deadlines.silence or seconds)
            await self._sleep(min(nap, LOADING_LOOK) if self._may_load else nap)


def _stream(engine: Engine, attempts: Attempts) -> AsyncGenerator[Event, None]:
    if attempts.lost is not None and isinstance(engine, Resumes):
        return engine.resume(attempts.lost, attempts.request)
    return engine.stream(attempts.request)


async def _attempt(
    engine: Engine, attempts: Attempts, pace: Callable[[], float], watch: _Watch, clock: Clock, sleep: Sleep
) -> None:
    watch.begin_attempt()
    came = dict.fromkeys(Lane, -math.inf)

    async def keep_pace(lane: Lane) -> None:
        while (tokens_a_second := pace()) and (wait := came[lane] + 1.0 / tokens_a_second - clock()) > 0:
            doze = min(wait, PACE_LOOK)
            watch.excuse(doze)
            await sleep(doze)
        came[lane] = clock()

    async def consume() -> None:
        breath = clock() + BREATH
        async with aclosing(_stream(engine, attempts)) as events:
            async for event in events:
                watch.heard = True
                admitted = attempts.admit(event)
                if admitted and isinstance(event, TokenEvent):
                    await keep_pace(event.lane)
                for one in admitted:
                    attempts.hand_on(one)
                if attempts.finished:
                    break  # an engine that lingers after its last `done` is not waited for
                watch.last_event = clock()
                if watch.last_event > breath:
                    await asyncio.sleep(0)
                    breath = clock() + BREATH
        if not attempts.finished:
            raise Truncated("The stream ended before the text did.")

    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch.run())
            await consume()
            watching.cancel()
    except ExceptionGroup as failures:
        # A cancel that comes while an engine closes after a failure is lost in the group (until Python 3.13).
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from failures
        raise _innermost(failures.subgroup(SteerError) or failures) from None


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def broken(fault: Exception) -> Malformed:
    """The error that a fault in an engine's own program becomes; what it was goes to the log."""
    logging.getLogger(__name__).debug("an engine broke", exc_info=fault)
    return Malformed(f"The engine broke: {type(fault).__name__}.", hint="Try again; --log FILE tells more.")


async def read_window(engine: Windows, request: GenerationRequest, deadlines: Deadlines) -> PromptWindow:
    """How much of a request's prompt the model reads, within the time that a first event has."""
    async with answer_within(deadlines.first_event, engine):
        return await engine.prompt_window(request)


async def deliver(
    engine: Engine,
    request: GenerationRequest,
    sink: Callable[[Event], None],
    pause: Callable[[Pause], Awaitable[None]],
    *,
    leave: Callable[[GenerationRequest], GenerationRequest] = lambda request: request,
    goes_on: Callable[[Lane], bool] = lambda _: True,
    on_difference: Callable[[Lane], None] = lambda _: None,
    on_loading: Callable[[], None] = lambda: None,
    gate: RateGate | None = None,
    deadlines: Deadlines = Deadlines(),
    pace: Callable[[], float] = lambda: 0.0,
    clock: Clock = time.monotonic,
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Bring every event of a request to the sink, and return when each of its lanes has ended.

    `leave` is called as each attempt leaves, with its request, and says which one leaves in its place, of the same
    lanes; `pause` is awaited before a further attempt. Lanes that have ended are not asked for again. One that begins
    anew goes on behind its text where it repeats it; where it differs, it is rewound to that place, of which
    `on_difference` hears. `goes_on` is asked as a further attempt leaves, and says of a lane whose text was made from
    something else that it does not: that lane is rewound to 0. `on_loading` hears that an attempt waits for a server
    that loads. `pace` is asked for at each new token: tokens a second, 0 as they come. Without a `gate` a rate limit
    is not waited out.
    Raises the SteerError that ends the request: one that is not worth a retry, or the last of RETRIES + 1 attempts.
    """
    attempts, watch = Attempts(request, sink, on_difference), _Watch(engine, deadlines, on_loading, clock, sleep)
    retries = 0

    async def rest(wait: Pause) -> None:
        began = clock()
        await pause(wait)
        watch.excuse(clock() - began)

    try:
        while True:
            while gate is not None and gate.error is not None and gate.seconds_left > 0:
                await rest(Pause(gate.seconds_left, gate.error))
            attempts.leave(leave(attempts.request), goes_on)
            try:
                await _attempt(engine, attempts, pace, watch, clock, sleep)
            except RateLimited as error:
                if gate is None:
                    raise
                gate.close(error)
            except SteerError as error:
                if not error.passing or retries == RETRIES or watch.is_over:
                    raise
                retries += 1
                await rest(Pause(2.0**retries if error.retry_after is None else error.retry_after, error, retries))
            else:
                if gate is not None:
                    gate.forget()
                return
            attempts.again()
    finally:
        if attempts.left is not None and isinstance(engine, Resumes):
            engine.give_up(attempts.left)
