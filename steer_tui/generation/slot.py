"""Whether a request leaves alone or beside others, as the engine wants it at the moment; it may learn that late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slot:
    """One request at a time goes alone, once all that left beside each other have come home."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._beside = 0
        self._is_free = asyncio.Event()
        self._is_free.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait for everything that is under way."""
        async with self._turn:
            await self._is_free.wait()
            yield

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Wait for nothing."""
        self._beside += 1
        self._is_free.clear()
        try:
            yield
        finally:
            self._beside -= 1
            if not self._beside:
                self._is_free.set()
