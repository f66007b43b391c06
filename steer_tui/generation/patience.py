"""How long an engine may take to answer what is asked of it; while it loads its model, no time passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from steer_tui.domain import TimedOut
from steer_tui.engines import Engine
from steer_tui.engines.registry import FILE_ENGINES
from steer_tui.engines.services import Loads

SECONDS = 30.0
"""What an answer beside generating may take."""

LOADING_LOOK = 1.0
"""Seconds between two looks at whether an engine loads."""

_MEASURING = (*FILE_ENGINES, "gateway")
"""The engines that may have to measure residual norms, of a model of any size, before they can tell a feature."""

_MEASURING_TIMES = 10
"""How many answers' time they may take for it."""


def is_loading(engine: object) -> bool:
    """Whether it waits for a server that has not loaded its model yet."""
    return isinstance(engine, Loads) and engine.loading is not None


def patience(times: int = 1, *, engine: object = None) -> AbstractAsyncContextManager[None]:
    """Waits for what is inside, which asks so many times, and raises `TimedOut` where it takes too long.

    The time that the engine loads does not count.
    """
    return answer_within(SECONDS * times, engine, hint="Try again.")


def finding(engine: Engine) -> AbstractAsyncContextManager[None]:
    """The same for the features that an engine finds, which it may have to measure something for."""
    return patience(_MEASURING_TIMES if engine.info.name in _MEASURING else 1, engine=engine)


@asynccontextmanager
async def answer_within(seconds: float | None, engine: object, *, hint: str | None = None) -> AsyncIterator[None]:
    """The same for any time, None for ever; without a hint, that of a deadline which the config sets."""
    try:
        async with time_limit(seconds, engine):
            yield
    except TimeoutError as late:
        if seconds is None:
            raise
        raise TimedOut(f"The engine did not answer for {seconds:g} seconds.", hint=hint) from late


@asynccontextmanager
async def time_limit(seconds: float | None, engine: object) -> AsyncIterator[None]:
    """The time alone, with what comes of its end left to the caller; raises TimeoutError."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds) as limit:
        if seconds is None or not isinstance(engine, Loads):
            yield
            return

        async def look(seconds: float) -> None:
            while True:
                if is_loading(engine) and not limit.expired():
                    limit.reschedule(loop.time() + seconds)
                await asyncio.sleep(LOADING_LOOK)

        looking = asyncio.create_task(look(seconds))
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait([looking])
