"""What is said to the gateway when nobody wants a run any longer: else it would be generated on for a while."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from steer_tui.domain import SteerError

SECONDS_MAX = 5.0
"""How long a goodbye may take: closing waits for it, and so does the next generation."""

TELLING_SECONDS_MAX = 3.0
"""How long the name of a run that nobody wants is waited for before its request is closed."""


class Goodbyes:
    """Says goodbye to runs by their names; each is a task of its own, and `said` waits for them."""

    def __init__(self, end: Callable[[str], Awaitable[None]]) -> None:
        self._end = end
        self._saying: set[asyncio.Task[None]] = set()

    def say(self, run: str) -> None:
        """Have the run ended, without waiting for it."""
        self._own(self._say(run))

    def say_once_told(self, telling: Awaitable[str | None]) -> None:
        """Have the run ended whose name is still to be told, if there is one, without waiting for it."""
        self._own(self._say_once_told(telling))

    async def said(self) -> None:
        """Wait until each was said."""
        if self._saying:
            await asyncio.wait(self._saying)

    def _own(self, saying: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(saying)
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    async def _say(self, run: str) -> None:
        with suppress(SteerError, TimeoutError):  # a gateway that does not hear it gives the run up by itself
            async with asyncio.timeout(SECONDS_MAX):
                await self._end(run)

    async def _say_once_told(self, telling: Awaitable[str | None]) -> None:
        run = None
        with suppress(SteerError, TimeoutError):
            async with asyncio.timeout(TELLING_SECONDS_MAX):
                run = await telling
        if run is not None:
            await self._say(run)
