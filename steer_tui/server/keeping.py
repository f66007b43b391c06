"""All runs: begun, found again by their client, kept for a while, and cancelled when nobody comes back."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from steer_tui.domain import ErrorEvent, Event, GenerationRequest, SteerError, Truncated, Unreachable
from steer_tui.engines import Engine
from steer_tui.generation import Deadlines, Pause, deliver
from steer_tui.generation.delivery import broken
from steer_tui.generation.patience import time_limit
from steer_tui.server.refusing import Denial
from steer_tui.server.runs import OUT_OF_TIME, Reader, Run
from steer_tui.server.slots import RETRY_AFTER, Place, Slots

CLOSING_SECONDS = 2.0
"""What an engine has to end its generations when the server ends."""

_CUT_SECONDS = 0.2
"""What it has then, when it is cut short."""

KEPT_BYTES_MAX = 128 * 1024 * 1024
"""About the most that all runs keep; of those that have ended, the first one is forgotten first."""

KEPT_MAX = 1_000
"""How many ended runs are kept at once."""

_NO_DEADLINES = Deadlines(first_event=None, silence=None, whole=None)


class Runs:
    """Owns the task of every generation, from entering to leaving it."""

    def __init__(
        self,
        engine: Engine,
        slots: Slots,
        *,
        keep_seconds: float,
        generation_seconds: float,
        public: Callable[[Event], Event],
    ) -> None:
        self.slots = slots
        self._engine, self._public = engine, public
        self._keep_seconds = keep_seconds
        self._generation_seconds = generation_seconds
        self._runs: dict[str, Run] = {}
        self._ended: dict[str, Run] = {}  # the one that ended first comes first
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_ending = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.goodbye()
        if not self._tasks:
            return
        _, lingering = await asyncio.wait(self._tasks, timeout=CLOSING_SECONDS)
        if lingering:
            logging.getLogger(__name__).warning("the engine did not end its generations in time")
            for task in lingering:  # for the second time, within its own end
                task.cancel()
            await asyncio.wait(lingering, timeout=_CUT_SECONDS)

    def __len__(self) -> int:
        return len(self._runs)

    def check(self) -> None:
        """Refuse where there is no room for another generation."""
        self._check_ending()
        self.slots.check()

    def take_place(self) -> Place:
        """A place for a generation, which begins or leaves it; raises `Denial` where there is none."""
        self.check()
        return self.slots.take()

    def begin(self, client: str, request: GenerationRequest, place: Place, *, resumes: bool) -> Run:
        """Start a generation, or let it wait for its turn; raises `Denial` where the server ends."""
        self._check_ending()
        run = Run(client, request, place, resumes=resumes, public=self._public)
        self._runs[run.name] = run
        run.task = task = asyncio.create_task(self._generate(run, place))
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._settle(run, place, task))
        return run

    def refused(self, client: str, request: GenerationRequest, error: SteerError) -> Run:
        """A run that failed before it could begin; it is kept for who asks what comes behind that."""
        run = Run(client, request, None, resumes=False, public=self._public)
        run.fail(error)
        self._runs[run.name] = run
        self._keep_ended(run)
        return run

    def find(self, client: str, name: str) -> Run | None:
        """The client's own run of this name."""
        run = self._runs.get(name)
        return run if run is not None and run.client == client else None

    def find_event(self, client: str, event_id: str) -> tuple[Run, int] | None:
        """The run and the number that an event's id names, where the client can go on behind it, or is at its end."""
        name, _, digits = event_id.strip().rpartition(":")
        run = self.find(client, name)
        if run is None or not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            return None
        number, last = int(digits), len(run.log)
        is_there = number <= last if run.resumes else run.has_ended and number == last
        return (run, number) if is_there else None

    @contextmanager
    def reading(self, run: Run, after: int) -> Iterator[Reader]:
        """A place in the run's log, as long as somebody reads there."""
        reader, is_late = Reader(run, after), run.has_ended
        run.readers.add(reader)
        if run.timer is not None:
            run.timer.cancel()
        try:
            yield reader
        finally:
            run.readers.discard(reader)
            if not (is_late and reader.has_all):  # who reads an ended run to its end has no more to come back for
                self._renew(run)
            if not run.readers and run.name in self._runs:
                self._miss(run)

    def forget(self, run: Run) -> None:
        """Its client said goodbye: what is generated is cancelled at once."""
        self._runs.pop(run.name, None)
        self._ended.pop(run.name, None)
        if run.timer is not None:
            run.timer.cancel()
        if run.task is not None:
            run.task.cancel()
        run.end()

    def goodbye(self) -> None:
        """The server ends: every generation does, and its readers are told."""
        self._is_ending = True
        for run in list(self._runs.values()):
            run.fail(Unreachable("The server is ending."))
            self.forget(run)

    async def _generate(self, run: Run, place: Place) -> None:
        await place.turn()
        seconds = self._generation_seconds
        try:
            async with time_limit(seconds, self._engine):
                await self._deliver(run)
        except TimeoutError:
            run.take(ErrorEvent(f"The generation took longer than {seconds:g} seconds.", OUT_OF_TIME))

    async def _deliver(self, run: Run) -> None:
        try:
            await deliver(self._engine, run.request, run.take, _give_up, deadlines=_NO_DEADLINES)
        except SteerError as error:
            run.fail(error)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            run.fail(Truncated("The stream ended before the text did."))  # nobody cancelled us: the engine ended itself
        except Exception as fault:  # noqa: BLE001  # one engine's fault must not end the others' generations
            run.fail(broken(fault))

    def _settle(self, run: Run, place: Place, task: asyncio.Task[None]) -> None:
        """Its task is over."""
        self._tasks.discard(task)
        place.leave()
        run.end()
        if run.name in self._runs:
            self._keep_ended(run)

    def _keep_ended(self, run: Run) -> None:
        self._ended[run.name] = run
        self._renew(run)
        if not run.readers:
            self._keep(run)
        while self._ended and (len(self._ended) > KEPT_MAX or self._size > KEPT_BYTES_MAX):
            # One that never began goes before all others: it was not counted, and nobody can be flooded out by it.
            oldest = next(iter(self._ended.values()))
            self.forget(next((one for one in self._ended.values() if one.place is None), oldest))

    @property
    def _size(self) -> int:
        return sum(run.size for run in self._runs.values())

    def _check_ending(self) -> None:
        if self._is_ending:
            raise Denial(503, "unreachable", "The server is ending.", retry_after=RETRY_AFTER)

    def _miss(self, run: Run) -> None:
        """Nobody reads any more: it is kept if somebody can come back, or it has ended."""
        if run.resumes or run.has_ended:
            self._keep(run)
        else:
            self.forget(run)

    def _renew(self, run: Run) -> None:
        """Its time begins anew."""
        run.kept_until = asyncio.get_running_loop().time() + self._keep_seconds

    def _keep(self, run: Run) -> None:
        """Forget it when its time is over."""
        if run.timer is not None:
            run.timer.cancel()
        run.timer = asyncio.get_running_loop().call_at(run.kept_until, self.forget, run)


async def _give_up(pause: Pause) -> None:
    """A lost connection is the client's to try again, which knows how long it wants to wait."""
    raise pause.error
