"""Look-ups in the engine for clients: so many at once, each within a time, and only while its client is there."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from steer_tui.engines import Engine
from steer_tui.generation.patience import finding

AT_ONCE = 4

T = TypeVar("T")


class LookUps:
    """Makes them in the order in which they come."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._free = asyncio.Semaphore(AT_ONCE)

    async def make(self, receive: Receive, look_up: Coroutine[Any, Any, T]) -> T:
        """What it finds; raises TimedOut, ClientDisconnect, and what the look-up raises."""
        looking = asyncio.create_task(self._in_turn(look_up))
        leaving = asyncio.create_task(until_gone(receive))
        try:
            await asyncio.wait((looking, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not looking.done():
                raise ClientDisconnect
            return looking.result()
        finally:
            looking.cancel()
            leaving.cancel()
            await asyncio.wait((looking, leaving))
            look_up.close()  # one that never had its turn

    async def _in_turn(self, look_up: Coroutine[Any, Any, T]) -> T:
        async with finding(self._engine), self._free:
            return await look_up


async def until_gone(receive: Receive) -> None:
    """Return when the client has left; its request must have come whole."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def is_gone(receive: Receive) -> bool:
    """Whether it has left by now."""
    try:
        async with asyncio.timeout(0):
            await until_gone(receive)
    except TimeoutError:
        return False
    return True
