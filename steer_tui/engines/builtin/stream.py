"""What lies between a stream's steps on the computing thread and its reader on the event loop."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import TypeAlias

from steer_tui.domain import Event, SteerError
from steer_tui.engines.builtin.failures import translated

BATCH_SECONDS = 0.005
"""How long events wait for company, since waking the event loop costs more than making one."""

Steps: TypeAlias = Generator[Sequence[Event], None, None]
"""A stream's work: each `next` is one step and gives the events that it made, which may be none."""


class Stream:
    """One stream's steps, and the events that they made and nobody has taken.

    A recall puts other steps in the place of the running ones and unmakes events that are stale by then. Those that are
    on their way meanwhile are sorted out as they arrive: they say of how many recalls their steps knew.
    """

    def __init__(self, steps: Steps) -> None:
        # Read and written under the worker's lock alone.
        self.unread = 0
        self.parked = False
        self.closed = False
        self.finished = False
        self.recalled: Steps | None = None
        self.recalls: list[Callable[[Event], bool]] = []
        # The thread's.
        self._steps = steps
        self._batch: list[Event] = []
        self._next_flush = 0.0
        self._known = 0
        # The event loop's.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived: deque[Event] = deque()
        self._gone = 0
        self._ended = False
        self._error: SteerError | None = None
        self._news = asyncio.Event()

    # On the thread.

    def advance(self) -> int | None:
        """Take a step: the number of events it made, or None after the last step."""
        try:
            events = next(self._steps, None)
        except Exception as failure:  # noqa: BLE001  whatever fails belongs to the reader
            self.end(translated(failure))
            return None
        if events is None:
            self.end()
            return None
        self._batch.extend(events)
        if self._batch and time.monotonic() >= self._next_flush:
            self.flush()
        return len(events)

    def renew(self, steps: Steps, known: int) -> None:
        """Go on with the steps of a recall, of which there have been so many."""
        self.flush()
        self._steps.close()
        self._steps, self._known = steps, known

    def flush(self) -> None:
        """Hand the batch to the event loop."""
        batch, self._batch = self._batch, []
        self._next_flush = time.monotonic() + BATCH_SECONDS
        self._tell(batch, False, None)

    def end(self, error: SteerError | None = None) -> None:
        """Hand over the last batch and the end."""
        batch, self._batch = self._batch, []
        self._tell(batch, True, error)

    def close(self) -> None:
        """Let go of the steps."""
        self._steps.close()

    def _tell(self, batch: list[Event], ended: bool, error: SteerError | None) -> None:
        assert self._loop is not None, "nobody reads the stream"
        try:
            self._loop.call_soon_threadsafe(self._receive, batch, self._known, ended, error)
        except RuntimeError:  # the event loop is closed, and with it the reader
            self.closed = True

    # On the event loop.

    def open(self) -> None:
        """Let the events come to this event loop."""
        self._loop = asyncio.get_running_loop()

    async def has_more(self) -> bool:
        """Wait until something has come; False after the end. Raises what ended the stream."""
        while not self._arrived and not self._gone:
            if self._ended:
                if self._error is not None:
                    raise self._error
                return False
            await self._news.wait()
            self._news.clear()
        return True

    def take(self) -> Event | None:
        """The next event that has come, or None."""
        if not self._arrived:
            return None
        self._gone += 1
        return self._arrived.popleft()

    def gone(self) -> int:
        """How many events have been taken or found stale since this was last asked."""
        gone, self._gone = self._gone, 0
        return gone

    def forget(self, is_stale: Callable[[Event], bool]) -> None:
        """Unmake the events that have come and are stale, and the end if it has come."""
        fresh = deque(event for event in self._arrived if not is_stale(event))
        self._gone += len(self._arrived) - len(fresh)
        self._arrived, self._ended = fresh, self._error is not None

    def _receive(self, batch: list[Event], known: int, ended: bool, error: SteerError | None) -> None:
        if missed := self.recalls[known:]:
            fresh = [event for event in batch if not any(is_stale(event) for is_stale in missed)]
            self._gone += len(batch) - len(fresh)
            batch = fresh
        self._arrived += batch
        if error is not None or not missed:
            self._ended, self._error = ended, error
        self._news.set()
