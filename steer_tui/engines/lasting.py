"""Work that is of use to whoever asks next, and goes on when those who wait for it now are gone."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

from steer_tui.domain import Rejected, TimedOut

LASTING_SECONDS = 240.0
"""How long one piece of work may last: one that a silent server holds must make room for another try."""

T = TypeVar("T")


class Lasting(Generic[T]):
    """Pieces of work, each begun once and joined by all who ask for it while it lasts; `aclose` alone ends them."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[T]] = {}
        self._is_closed = False

    async def result(self, name: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result, or the error, of the work of that name; it begins where it is not under way."""
        if self._is_closed:
            raise _closed()
        task = self._tasks.get(name)
        if task is None:
            task = self._tasks[name] = asyncio.create_task(_in_time(work))
            task.add_done_callback(partial(self._has_ended, name))
        await asyncio.wait([task])  # which leaves the task alone where this is cancelled
        if task.cancelled():
            raise _closed()
        return task.result()

    async def aclose(self) -> None:
        """End all that is under way; nothing begins any more."""
        self._is_closed = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _has_ended(self, name: Hashable, task: asyncio.Task[T]) -> None:
        del self._tasks[name]
        if not task.cancelled():
            task.exception()  # taken, since everybody who waited may have gone


async def _in_time(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    try:
        async with asyncio.timeout(LASTING_SECONDS):
            return await work()
    except TimeoutError as error:
        raise TimedOut(f"The server was not done within {LASTING_SECONDS:g} seconds.") from error


def _closed() -> Rejected:
    return Rejected("The connection to the server has been closed.", hint="Start the app again.")
