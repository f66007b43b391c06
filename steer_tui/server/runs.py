"""A run: one generation as a log of numbered events, which any number of readers follow, each from its own place."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Callable
from json import JSONEncoder

from steer_tui.domain import (
    DoneEvent,
    ErrorEvent,
    Event,
    GenerationRequest,
    Lane,
    Malformed,
    SteerError,
    event_to_wire,
)
from steer_tui.server.slots import Place

COALESCED = 0.005
"""Seconds within which events that come fast leave in one write."""

BATCH_BYTES = 32 * 1024
"""About the most that one write holds."""

HEARTBEAT = b": still here\n\n"

LOG_BYTES_MAX = 16 * 1024 * 1024
"""The most that a run may say, in bytes."""

OUT_OF_TIME = "out_of_time"
"""The code where the server's own time for a generation is over: another attempt is given no more."""

CANCELLED = "cancelled"
"""The code where a generation was given up by its own client, or had none any more."""

# ASCII alone: half a surrogate pair has no other spelling.
_encode = JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Run:
    """One generation: what was asked, by whom, and all that has come of it."""

    def __init__(
        self,
        client: str,
        request: GenerationRequest,
        place: Place | None,
        *,
        resumes: bool,
        public: Callable[[Event], Event],
    ) -> None:
        self.name = secrets.token_urlsafe(16)
        """What its events' ids begin with; nobody can guess it."""
        self.client, self.request = client, request
        self.resumes = resumes
        """Whether it goes on without its client for a while."""
        self.has_ended = False
        """Whether nothing more comes."""
        self.place = place
        """Its place among the generations, or None where it failed before it had one."""
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        """Ends the time that it is kept."""
        self.kept_until = 0.0
        """When that is, in the event loop's time."""
        self.readers: set[Reader] = set()
        self.log: list[bytes] = []
        """Its events as they travel, the first one at 0."""
        self._log_bytes = 0
        self._asked_bytes = 4 * len(request.prompt)
        self._open: set[Lane] = set(request.lanes)
        self._public = public

    @property
    def is_queued(self) -> bool:
        """Whether it waits for its turn."""
        return self.place is not None and not self.place.has_turn

    @property
    def size(self) -> int:
        """About how many bytes are kept with it."""
        return self._log_bytes + self._asked_bytes

    def take(self, event: Event) -> None:
        """The next event; raises `Malformed` where it all becomes too much."""
        if self.has_ended:
            return
        encoded = self._encoded(event)
        if self._log_bytes > LOG_BYTES_MAX and not isinstance(event, ErrorEvent):
            raise Malformed(f"The generation said more than {LOG_BYTES_MAX:,} bytes.")
        self.log.append(encoded)
        self._log_bytes += len(encoded)
        if isinstance(event, DoneEvent | ErrorEvent):
            self._open -= set(self._open) if event.lane is None else {event.lane}
        if self._open:
            self._wake()
        else:
            self.end()

    def fail(self, error: SteerError) -> None:
        """The generation has failed; where every lane had its end already, nobody needs to know."""
        if self.has_ended:
            logging.getLogger(__name__).debug("an engine failed behind its end: %s", type(error).__name__)
        self.take(ErrorEvent(error.message, error.code, error.retry_after))

    def end(self) -> None:
        """Nothing more comes: readers are told so where a lane has no end of its own."""
        if self._open and not self.has_ended:
            self.take(ErrorEvent("The generation was cancelled.", CANCELLED))  # which ends it
            return
        self.has_ended = True
        self._wake()

    def _wake(self) -> None:
        for reader in self.readers:
            reader.wake()

    def _encoded(self, event: Event) -> bytes:
        name, data = event_to_wire(self._public(event))
        return f"id: {self.name}:{len(self.log) + 1}\nevent: {name}\ndata: {_encode(data)}\n\n".encode()


class Reader:
    """One connection's place in a run's log."""

    def __init__(self, run: Run, after: int) -> None:
        self._run, self._next = run, after
        self._news = asyncio.Event()
        self._is_gone = self._has_beat = False

    def wake(self) -> None:
        """There may be something that was not read."""
        self._news.set()

    @property
    def has_all(self) -> bool:
        """Whether everything was read that there is."""
        return self._next == len(self._run.log)

    def beat(self) -> None:
        """A sign of life is due."""
        self._has_beat = True
        self.wake()

    def leave(self) -> None:
        """Nobody reads here any more."""
        self._is_gone = True
        self.wake()

    async def batches(self) -> AsyncGenerator[bytes, None]:
        """All that follows, as it comes; what comes within a few milliseconds is one piece."""
        run, clock = self._run, asyncio.get_running_loop().time
        if self._next == 0:
            yield f"id: {run.name}:0\n\n".encode()
        latest = 0.0
        while True:
            while self._next == len(run.log) and not (run.has_ended or self._is_gone or self._has_beat):
                self._news.clear()
                await self._news.wait()
            if self._has_beat:
                self._has_beat = False
                yield HEARTBEAT
            if self._is_gone or (run.has_ended and self._next == len(run.log)):
                return
            if (early := latest + COALESCED - clock()) > 0 and not run.has_ended:
                await asyncio.sleep(early)
            if batch := self._batch():
                yield batch
                latest = clock()

    def _batch(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while self._next < len(self._run.log) and size < BATCH_BYTES:
            pieces.append(self._run.log[self._next])
            size += len(pieces[-1])
            self._next += 1
        return b"".join(pieces)
