"""How long an engine may take to answer what is asked of it beside generating."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from steer_tui.domain import TimedOut

SECONDS = 30.0


@asynccontextmanager
async def patience(times: int = 1) -> AsyncIterator[None]:
    """Waits for what is inside, which asks so many times, and raises `TimedOut` where it takes too long."""
    seconds = SECONDS * times
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as late:
        raise TimedOut(f"There was no answer within {seconds:g} seconds.", hint="Try again.") from late
