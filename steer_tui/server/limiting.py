"""How many generations a client may begin: a sliding window, kept by a library that can share it between processes."""

import asyncio
import math
import time
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec

from limits import parse
from limits.aio.storage import MovingWindowSupport
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from steer_tui.domain import InvalidValue
from steer_tui.server.refusing import Denial

STORAGE_SECONDS = 0.5
"""What a shared storage has for an answer; then it counts as lost, and nothing begins that is not counted.

Memory has all the time there is: a wait for it is this process's own being busy.
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How much is left to a client."""

    remaining: int
    reset: int
    """Whole seconds until one more is free."""


class Limiter:
    """Counts the generations that clients begin."""

    def __init__(self, rate: str, storage: str) -> None:
        self._rate = parse(rate)
        self.limit = self._rate.amount
        self.policy = f"{self.limit};w={self._rate.get_expiry()}"
        """The limit and its window, as draft 6 of the RateLimit headers writes them."""
        try:
            kept = storage_from_string(f"async+{storage}", wrap_exceptions=True, **_options(storage))
        except (ConfigurationError, ValueError) as error:  # without the address, which may hold a password
            if storage.startswith("redis") and find_spec("redis") is None:
                install = "Install it with: pip install 'steer-tui[redis]'."
                raise InvalidValue(f"To count in Redis its library is needed, and not installed. {install}") from error
            raise InvalidValue("The rate limit's storage cannot be used: take memory:// or redis://.") from error
        if not isinstance(kept, MovingWindowSupport):
            raise InvalidValue("The rate limit's storage knows no sliding window: take memory:// or redis://.")
        self._limiter = MovingWindowRateLimiter(kept)
        self.is_shared = not storage.startswith("memory:")
        """Whether they are counted outside this process."""
        self._seconds = STORAGE_SECONDS if self.is_shared else None
        # In memory the library's own lock for a client is dropped while others may wait for it, when its window ends.
        lock = asyncio.Lock()
        self._one_at_a_time: AbstractAsyncContextManager[None] = nullcontext() if self.is_shared else lock

    async def count(self, client: str) -> None:
        """One more generation begins; raises `Denial` where it may not, and only then it does not count."""
        try:
            async with asyncio.timeout(self._seconds), self._one_at_a_time:
                is_free = await self._limiter.hit(self._rate, client)
        except (StorageError, TimeoutError) as error:
            message = "Generations cannot be counted just now, and so none is begun."
            raise Denial(503, "overloaded", message, hint="Try again later.", retry_after=10.0) from error
        if not is_free:
            standing = await self.standing(client)
            raise self._refusal(standing.reset if standing else self._rate.get_expiry())

    async def check(self, client: str) -> None:
        """Refuse a client that is known to have nothing left, before anything is done for it."""
        standing = await self.standing(client)
        if standing is not None and standing.remaining <= 0:
            raise self._refusal(standing.reset)

    async def standing(self, client: str) -> Standing | None:
        """What is left to the client, or None while the storage does not tell."""
        try:
            async with asyncio.timeout(self._seconds):
                window = await self._limiter.get_window_stats(self._rate, client)
        except (StorageError, TimeoutError):
            return None
        remaining = max(0, window.remaining)
        seconds = 0 if remaining == self.limit else math.ceil(window.reset_time - time.time())
        return Standing(remaining, min(max(seconds, 0), self._rate.get_expiry()))

    def _refusal(self, seconds: int) -> Denial:
        message = f"Rate limited: no more generations than {self.limit} in {self._rate.get_expiry()} seconds."
        return Denial(429, "rate_limited", message, hint="Wait a while, then try again.", retry_after=seconds)


def _options(storage: str) -> dict[str, str]:
    # Of the two libraries that `limits` can use for Redis, the one that Redis itself keeps.
    return {"implementation": "redispy"} if storage.startswith("redis") else {}
