"""Time that stands still until a test moves it: countdowns, debounce and deadlines without waiting."""

import asyncio
from heapq import heappop, heappush
from itertools import count

TURNS = 30
"""Turns of the loop after which everything that can go on without time has gone on."""

_EPSILON = 1e-9
"""Sums of tenths miss their mark by less than this."""


async def settle() -> None:
    """Let every task run until it waits for time or for the test."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


class FakeTime:
    """A clock and the sleep that goes with it; pass `clock` and `sleep` to what is tested."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def clock(self) -> float:
        """Seconds on this clock's own scale."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Sleep until `advance` has passed the moment."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (self.now + seconds, next(self._order), future))
        await future

    async def advance(self, seconds: float = 0.0) -> None:
        """Let `seconds` pass: sleepers wake in the order of their moments, and the loop runs after each."""
        end = self.now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end + _EPSILON:
            due, _, future = heappop(self._sleepers)
            if not future.done():
                self.now = max(self.now, due)
                future.set_result(None)
                await settle()
        self.now = max(self.now, end)
        await settle()
