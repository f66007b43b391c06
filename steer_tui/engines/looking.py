"""A look at a service without generating anything: it ends in time, and a failure is what was found."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from steer_tui.domain import SteerError, TimedOut, Unreachable
from steer_tui.engines.services import Diagnosis
from steer_tui.wire.origin import origin_of

if TYPE_CHECKING:
    import httpx

LOOK_SECONDS = 8.0
"""Who asks may wait for 10; a server that generates on one thread answers some seconds late."""

T = TypeVar("T")


class Connects(Protocol):
    """What has a client for one address."""

    async def client(self) -> "httpx.AsyncClient":
        """The client; raises a `SteerError` for an address that is none."""
        ...


@dataclass(frozen=True, slots=True)
class Look(Generic[T]):
    """What a look has found."""

    address: str | None
    """Without key or password, or None where it is none."""
    found: T | None
    """What the service says of itself, or None where it does not."""
    error: SteerError | None

    def diagnosis(
        self, *, has_key: bool, model: str | None = None, quota: int | None = None, problem: SteerError | None = None
    ) -> Diagnosis:
        """What is told of it; a problem is what is wrong with what was found."""
        is_reachable = self.address is not None and not isinstance(self.error, Unreachable | TimedOut)
        wrong = self.error or problem
        message, hint = (None, None) if wrong is None else (wrong.message, wrong.hint)
        return Diagnosis(self.address, is_reachable, has_key, model, quota, message, hint)


async def look(connection: Connects, find: Callable[[], Awaitable[T]], *, late: str) -> Look[T]:
    """Find something out; `late` is the hint where that takes too long."""
    address: str | None = None
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            address = origin_of((await connection.client()).base_url)
            return Look(address, await find(), None)
    except TimeoutError:
        return Look(address, None, TimedOut(f"{address} did not answer within {LOOK_SECONDS:g} seconds.", hint=late))
    except SteerError as error:
        return Look(address, None, error)
