"""The one computing thread: it takes a step of each stream in turn and hands the events over in batches.

A stream whose consumer stops reading is parked, and costs nothing until the consumer goes on; a stream that is
closed takes no further step.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future
from contextlib import aclosing
from typing import Any, TypeVar

from steer_tui.domain import Event
from steer_tui.engines.builtin.failures import closed, translated
from steer_tui.engines.builtin.stream import Steps, Stream

UNREAD_EVENTS = 256
"""How many events a stream may be ahead of its consumer."""

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
        self._ready: deque[Stream] = deque()
        self._streams: set[Stream] = set()
        self.steps_taken = 0
        """Steps that all streams have taken so far."""

    async def call(self, work: Callable[[], _T]) -> _T:
        """The result of a short piece of work, done between two steps."""
        future: Future[_T] = Future()
        with self._wake:
            self._start()
            self._calls.append((future, work))
        return await asyncio.wrap_future(future)

    async def complete(self, work: Generator[tuple[()], None, _T]) -> _T:
        """What a long piece of work returns, one `next` a step in turn with the streams; a cancel ends it there."""
        returned: list[_T] = []

        def steps() -> Steps:
            returned.append((yield from work))

        async with aclosing(self.stream(steps())) as events:
            async for _ in events:
                pass  # its steps make none
        return returned[0]

    def stream(self, steps: Steps) -> AsyncGenerator[Event, None]:
        """The events of the steps, which are taken on the thread; closing the generator ends them there."""
        return self.read(Stream(steps))

    async def read(self, stream: Stream) -> AsyncGenerator[Event, None]:
        """The events of a stream that nobody reads yet; closing the generator ends its steps."""
        stream.open()
        with self._wake:
            self._start()
            self._streams.add(stream)
            self._ready.append(stream)
        try:
            while await stream.has_more():
                while (event := stream.take()) is not None:
                    yield event
                self._note_read(stream)
        finally:
            with self._wake:
                stream.closed = True
                self._unpark(stream)

    def recall(self, stream: Stream, is_stale: Callable[[Event], bool], steps: Steps) -> None:
        """Let other steps take the place of a stream's, and unmake the stale ones of its events that nobody has taken.

        Called on the event loop while the stream is read.
        """
        with self._wake:
            if self._closing:
                return
            stream.forget(is_stale)
            stream.unread -= stream.gone()
            stream.recalled = steps
            stream.recalls.append(is_stale)
            if stream.finished:
                stream.finished = False
                self._streams.add(stream)
                self._ready.append(stream)
                self._wake.notify()
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
            raise closed()
        if self._thread is None:
            # A daemon, so that an app that fails before it closes its engine still ends.
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._wake.notify()

    def _note_read(self, stream: Stream) -> None:
        with self._wake:
            stream.unread -= stream.gone()
            if stream.unread <= UNREAD_EVENTS // 2:
                self._unpark(stream)

    def _unpark(self, stream: Stream) -> None:
        if stream.parked:
            stream.parked = False
            self._ready.append(stream)
            self._wake.notify()

    def _run(self) -> None:
        while (turn := self._next_turn()) is not None:
            turn()
        for stream in self._streams:
            stream.close()
            stream.end(closed())
        for future, _ in self._calls:
            if future.set_running_or_notify_cancel():
                future.set_exception(closed())
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
            recalled, stream.recalled = stream.recalled, None
            known = len(stream.recalls)
            return lambda: self._step(stream, recalled, known)

    def _step(self, stream: Stream, recalled: Steps | None, known: int) -> None:
        if recalled is not None:
            stream.renew(recalled, known)
        if stream.closed:
            stream.close()
            made = None
        else:
            made = stream.advance()
            self.steps_taken += 1
        with self._wake:
            if made is None and stream.recalled is None:
                stream.finished = True
                self._streams.discard(stream)
                return
            stream.unread += made or 0
            stream.parked = stream.unread >= UNREAD_EVENTS and stream.recalled is None
            if not stream.parked:
                self._ready.append(stream)
                return
        stream.flush()


def _settle(future: Future[_T], work: Callable[[], _T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except Exception as failure:  # noqa: BLE001  whatever fails belongs to the caller
        future.set_exception(translated(failure))
