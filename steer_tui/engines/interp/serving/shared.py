"""Work that several wait for: done once, and given up when nobody waits for it any more."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from steer_tui.domain import Rejected

T = TypeVar("T")


class Shared(Generic[T]):
    """One piece of work at a time, in a task of its own, whose result goes to everybody who waits."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._work = work
        self._task: asyncio.Task[T] | None = None
        self._waiting = 0
        self._given_up: set[asyncio.Task[T]] = set()
        self._is_closed = False

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for the work."""
        return self._task is not None

    async def result(self) -> T:
        """The work's result, or its error; it begins where nobody waits yet, once what was given up has ended."""
        if self._is_closed:
            raise _closed()
        if self._task is None:
            self._task = asyncio.create_task(self._after_the_former())
            self._task.add_done_callback(self._has_ended)
            self._waiting = 0
        task = self._task
        self._waiting += 1
        try:
            await asyncio.wait([task])
        finally:
            # Those who wait for a former task have nothing to do with this one.
            if self._task is task:
                self._waiting -= 1
                if task.done():
                    self._task = None
                elif not self._waiting:
                    self._give_up(task)
        if task.cancelled():
            raise _closed()
        return task.result()

    async def aclose(self) -> None:
        """Give the work up, and wait until it has ended; nothing begins any more."""
        self._is_closed = True
        if self._task is not None:
            self._give_up(self._task)
        if self._given_up:
            await asyncio.wait(self._given_up)

    async def _after_the_former(self) -> T:
        if self._given_up:
            await asyncio.wait(self._given_up)
        return await self._work()

    def _give_up(self, task: asyncio.Task[T]) -> None:
        self._task = None
        self._given_up.add(task)
        task.cancel()

    def _has_ended(self, task: asyncio.Task[T]) -> None:
        self._given_up.discard(task)
        if not task.cancelled():
            task.exception()  # taken, since everybody who waited may have gone


def _closed() -> Rejected:
    return Rejected("The connection to the server has been closed.", hint="Start the app again.")
