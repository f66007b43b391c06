"""How long an engine may take to answer what is asked of it; while it loads its model, no time passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from steer_tui.domain import TimedOut
from steer_tui.engines.services import Loads

SECONDS = 30.0
"""What an answer beside generating may take."""

LOADING_LOOK = 1.0
"""Seconds between two looks at whether an engine loads."""


def is_loading(engine: object) -> bool:
    """Whether it waits for a server that has not loaded its model yet."""
    return isinstance(engine, Loads) and engine.loading is not None


@asynccontextmanager
async def patience(times: int = 1, *, engine: object = None) -> AsyncIterator[None]:
    """Waits for what is inside, which asks so many times, and raises `TimedOut` where it takes too long.

    The time that the engine loads does not count.
    """
    seconds = SECONDS * times
    try:
        async with answer_within(seconds, engine):
            yield
    except TimeoutError as late:
        raise TimedOut(f"There was no answer within {seconds:g} seconds.", hint="Try again.") from late


@asynccontextmanager
async def answer_within(seconds: float | None, engine: object) -> AsyncIterator[None]:
    """The same for any time, None for ever; raises TimeoutError."""
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
