"""What is said to the gateway when nobody wants a run any longer: else it would be generated on for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from steer_tui.domain import SteerError

SECONDS_MAX = 5.0
"""How long a goodbye may take: closing waits for it, and so does the next generation."""


class Goodbyes:
    """Says goodbye to runs by their names; each is a task of its own, and `said` waits for them."""

    def __init__(self, end: Callable[[str], Awaitable[None]]) -> None:
        self._end = end
        self._saying: set[asyncio.Task[None]] = set()

    def say(self, run: str) -> None:
        """Have the run ended, without waiting for it."""
        task = asyncio.create_task(self._say(run))
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    async def said(self) -> None:
        """Wait until each was said."""
        if self._saying:
            await asyncio.wait(self._saying)

    async def _say(self, run: str) -> None:
        with suppress(SteerError, TimeoutError):  # a gateway that does not hear it gives the run up by itself
            async with asyncio.timeout(SECONDS_MAX):
                await self._end(run)
