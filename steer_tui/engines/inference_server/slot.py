"""The eager backend's only slot, which a stream that is given up may leave locked.

The server drops the slot when it collects the abandoned stream, and it does so while it answers other requests: two
looks at /health free it. A request that still finds it locked would wait in silence until the next such look.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from steer_tui.domain import SteerError

LOOKS = 2
LOOK_PAUSE = 0.2
"""Seconds between two looks."""
LOOKING_MAX = 5.0
"""Seconds that the looks may take: a busy server answers them late, and closing waits for them."""
PATIENCE = 3.0
"""Seconds that a request after one that was given up waits for its headers before each look."""


class Slot:
    """Looks after the slot; its looks are tasks of its own, and `aclose` waits for them."""

    def __init__(self, look: Callable[[], Awaitable[object]], patience: float) -> None:
        self._look_once = look
        self._patience = patience
        self._looking: set[asyncio.Task[None]] = set()
        self._may_be_locked = False

    def give_up(self) -> None:
        """A stream was left before its end."""
        self._may_be_locked = True
        task = asyncio.create_task(self._free())
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    def note_free(self) -> None:
        """A stream has begun, so that the slot was free."""
        self._may_be_locked = False

    @asynccontextmanager
    async def waited_for(self) -> AsyncGenerator[None, None]:
        """While inside, a request waits for its headers, with a look now and then after one was given up."""
        if not self._may_be_locked:
            yield
            return
        looking = asyncio.create_task(self._keep_looking())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait([looking])

    async def aclose(self) -> None:
        """Wait until every look was made."""
        if self._looking:
            await asyncio.wait(self._looking)

    async def _free(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOKING_MAX):
                for number in range(LOOKS):
                    if number:
                        await asyncio.sleep(LOOK_PAUSE)
                    await self._look()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._patience)
            await self._look()

    async def _look(self) -> None:
        with suppress(SteerError):  # that it was asked is what counts
            await self._look_once()
