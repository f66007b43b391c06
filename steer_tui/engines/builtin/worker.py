"""The one computing thread: it takes a step of each stream in turn and hands the events over in batches.

A stream whose consumer stops reading is parked, and costs nothing until the consumer goes on; a stream that is
closed takes no further step.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import Future
from typing import Any, TypeAlias, TypeVar

from steer_tui.domain import Event, Malformed, NotFound, Overloaded, Rejected, SteerError

BATCH_SECONDS = 0.005
"""How long events wait for company, since waking the event loop costs more than making one."""

UNREAD_EVENTS = 256
"""How many events a stream may be ahead of its consumer."""

Steps: TypeAlias = Generator[Sequence[Event], None, None]
"""A stream's work: each `next` is one step and gives the events that it made, which may be none."""

_T = TypeVar("_T")


class Worker:
    """A thread that starts at its first use and ends in `aclose`; everything it computes runs on it alone."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ended: Future[None] = Future()
        self._closing = False
        self._calls: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._ready: deque[_Stream] = deque()
        self._streams: set[_Stream] = set()
        self.steps_taken = 0
        """Steps that all streams have taken so far."""

    async def call(self, work: Callable[[], _T]) -> _T:
        """The result of a short piece of work, done between two steps."""
        future: Future[_T] = Future()
        with self._wake:
            self._start()
            self._calls.append((future, work))
        return await asyncio.wrap_future(future)

    async def stream(self, steps: Steps) -> AsyncGenerator[Event, None]:
        """The events of the steps, which are taken on the thread; closing the generator ends them there."""
        stream = _Stream(steps, asyncio.get_running_loop())
        with self._wake:
            self._start()
            self._streams.add(stream)
            self._ready.append(stream)
        try:
            while batch := await stream.next_batch():
                for event in batch:
                    yield event
                with self._wake:
                    stream.unread -= len(batch)
                    if stream.unread <= UNREAD_EVENTS // 2:
                        self._unpark(stream)
        finally:
            with self._wake:
                stream.closed = True
                self._unpark(stream)

    async def aclose(self) -> None:
        """End the thread within a step, and what still waits for it with an error; twice is once."""
        with self._wake:
            self._closing = True
            self._wake.notify()
            thread = self._thread
        if thread is not None:
            await asyncio.shield(asyncio.wrap_future(self._ended))
            thread.join()  # at its last line already, so this does not block

    def _start(self) -> None:
        if self._closing:
            raise _closed()
        if self._thread is None:
            # A daemon, so that an app that fails before it closes its engine still ends.
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._wake.notify()

    def _unpark(self, stream: "_Stream") -> None:
        if stream.parked:
            stream.parked = False
            self._ready.append(stream)
            self._wake.notify()

    def _run(self) -> None:
        while (turn := self._next_turn()) is not None:
            turn()
        for stream in self._streams:
            stream.steps.close()
            stream.end(_closed())
        for future, _ in self._calls:
            if future.set_running_or_notify_cancel():
                future.set_exception(_closed())
        self._ended.set_result(None)

    def _next_turn(self) -> Callable[[], None] | None:
        with self._wake:
            self._wake.wait_for(lambda: self._closing or self._calls or self._ready)
            if self._closing:
                return None
            if self._calls:
                call = self._calls.popleft()
                return lambda: _settle(*call)
            stream = self._ready.popleft()
            return lambda: self._step(stream)

    def _step(self, stream: "_Stream") -> None:
        if stream.closed:
            stream.steps.close()
            made = None
        else:
            made = stream.advance()
            self.steps_taken += 1
        with self._wake:
            if made is None:
                self._streams.discard(stream)
                return
            stream.unread += made
            stream.parked = stream.unread >= UNREAD_EVENTS
            if not stream.parked:
                self._ready.append(stream)
                return
        stream.flush()


class _Stream:
    """What lies between one stream's steps on the thread and its consumer on the event loop."""

    def __init__(self, steps: Steps, loop: asyncio.AbstractEventLoop) -> None:
        self.steps = steps
        # Read and written under the worker's lock alone.
        self.unread = 0
        self.parked = False
        self.closed = False
        # The thread's.
        self._loop = loop
        self._batch: list[Event] = []
        self._next_flush = 0.0
        # The event loop's.
        self._arrived: list[Event] = []
        self._ended = False
        self._error: SteerError | None = None
        self._news = asyncio.Event()

    def advance(self) -> int | None:
        """Take a step, on the thread: the number of events it made, or None after the last step."""
        try:
            events = next(self.steps, None)
        except Exception as failure:  # noqa: BLE001  whatever fails belongs to the consumer
            self.end(_translated(failure))
            return None
        if events is None:
            self.end()
            return None
        self._batch.extend(events)
        if self._batch and time.monotonic() >= self._next_flush:
            self.flush()
        return len(events)

    def flush(self) -> None:
        """Hand the batch to the event loop, on the thread."""
        batch, self._batch = self._batch, []
        self._next_flush = time.monotonic() + BATCH_SECONDS
        self._tell(batch, False, None)

    def end(self, error: SteerError | None = None) -> None:
        """Hand over the last batch and the end, on the thread."""
        self._tell(self._batch, True, error)

    async def next_batch(self) -> list[Event]:
        """The events that have come, on the event loop; none after the end. Raises what ended the stream."""
        while not self._arrived:
            if self._ended:
                if self._error is not None:
                    raise self._error
                break
            await self._news.wait()
            self._news.clear()
        batch, self._arrived = self._arrived, []
        return batch

    def _tell(self, batch: list[Event], ended: bool, error: SteerError | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._receive, batch, ended, error)
        except RuntimeError:  # the event loop is closed, and with it the consumer
            self.closed = True

    def _receive(self, batch: list[Event], ended: bool, error: SteerError | None) -> None:
        self._arrived += batch
        self._ended, self._error = ended, error
        self._news.set()


def _settle(future: Future[_T], work: Callable[[], _T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except Exception as failure:  # noqa: BLE001  whatever fails belongs to the caller
        future.set_exception(_translated(failure))


def _translated(failure: Exception) -> SteerError:
    """The error of the family that a failure of the computation becomes, with the failure as its cause."""
    if isinstance(failure, SteerError):
        return failure
    error: SteerError
    if isinstance(failure, MemoryError):
        error = Overloaded("There is not enough memory for the embedded model.", hint="Close something and try again.")
    elif isinstance(failure, ImportError):
        error = NotFound(f"The embedded model needs numpy, which does not load: {failure}.", hint="Reinstall numpy.")
    else:
        what = str(failure) or type(failure).__name__
        error = Malformed(f"The embedded model failed: {what}.", hint="Try again with other settings.")
    error.__cause__ = failure
    return error


def _closed() -> SteerError:
    return Rejected("The embedded model has been closed.", hint="Start the app again.")
