"""All runs: begun, found again by their client, kept for a while, and cancelled when nobody comes back."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from steer_tui.domain import GenerationRequest, SteerError, Unreachable
from steer_tui.engines import Engine
from steer_tui.generation import Deadlines, Pause, deliver
from steer_tui.generation.delivery import broken
from steer_tui.server.refusing import Refusal
from steer_tui.server.runs import Reader, Run
from steer_tui.server.slots import RETRY_AFTER, Place, Slots

CLOSING_SECONDS = 2.0
"""What an engine has to end its generations when the server ends."""


class Runs:
    """Owns the task of every generation, from entering to leaving it."""

    def __init__(
        self,
        engine: Engine,
        slots: Slots,
        *,
        keep_seconds: float,
        generation_seconds: float,
        public_id: Callable[[str], str],
    ) -> None:
        self.slots = slots
        self._engine, self._public_id = engine, public_id
        self._keep_seconds = keep_seconds
        self._deadlines = Deadlines(first_event=None, silence=None, whole=generation_seconds)
        self._runs: dict[str, Run] = {}
        self._group = asyncio.TaskGroup()
        self._is_ending = False

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.goodbye()
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._group.__aexit__(kind, error, trace)
        except TimeoutError:  # what lingered has been cancelled for the second time, within its own end
            logging.getLogger(__name__).warning("the engine did not end its generations in time")

    def __len__(self) -> int:
        return len(self._runs)

    def check(self) -> None:
        """Refuse where there is no room for another generation."""
        if self._is_ending:
            raise Refusal(503, "unreachable", "The server is ending.", retry_after=RETRY_AFTER)
        self.slots.check()

    def begin(self, client: str, request: GenerationRequest, *, resumes: bool) -> Run:
        """Start a generation, or let it wait for its turn; raises `Refusal` where there is no room."""
        self.check()
        place = self.slots.take()
        run = Run(client, request, place, resumes=resumes, public_id=self._public_id)
        self._runs[run.name] = run
        run.task = self._group.create_task(self._generate(run, place))
        run.task.add_done_callback(lambda _: self._settle(run, place))
        return run

    def refused(self, client: str, request: GenerationRequest, error: SteerError) -> Run:
        """A run that failed before it could begin; it is not kept, for nothing of it is lost with it."""
        run = Run(client, request, None, resumes=False, public_id=self._public_id)
        run.fail(error)
        return run

    def find(self, client: str, name: str) -> Run | None:
        """The client's own run of this name."""
        run = self._runs.get(name)
        return run if run is not None and run.client == client else None

    def find_event(self, client: str, event_id: str) -> tuple[Run, int] | None:
        """The run and the number that an event's id names, where the client can go on behind it."""
        name, _, digits = event_id.strip().rpartition(":")
        run = self.find(client, name)
        if run is None or not run.resumes or not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            return None
        return (run, int(digits)) if int(digits) <= len(run.log) else None

    @contextmanager
    def reading(self, run: Run, after: int) -> Iterator[Reader]:
        """A place in the run's log, as long as somebody reads there."""
        reader = Reader(run, after)
        run.readers.add(reader)
        if run.timer is not None and not run.has_ended:
            run.timer.cancel()
        try:
            yield reader
        finally:
            run.readers.discard(reader)
            if not run.readers and not run.has_ended:
                self._miss(run)

    def forget(self, run: Run) -> None:
        """Its client said goodbye: what is generated is cancelled at once."""
        self._runs.pop(run.name, None)
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
        try:
            await deliver(self._engine, run.request, run.take, _give_up, deadlines=self._deadlines)
        except SteerError as error:
            run.fail(error)
        except Exception as fault:  # noqa: BLE001  # one engine's fault must not end the others' generations
            run.fail(broken(fault))

    def _settle(self, run: Run, place: Place) -> None:
        """Its task is over."""
        place.leave()
        run.end()
        if run.name in self._runs:
            self._keep(run)

    def _miss(self, run: Run) -> None:
        """Nobody reads any more: it is kept if somebody can come back and was let in at all."""
        if run.resumes and not run.is_queued:
            self._keep(run)
        else:
            self.forget(run)

    def _keep(self, run: Run) -> None:
        if run.timer is not None:
            run.timer.cancel()
        run.timer = asyncio.get_running_loop().call_later(self._keep_seconds, self.forget, run)


async def _give_up(pause: Pause) -> None:
    """A lost connection is the client's to try again, which knows how long it wants to wait."""
    raise pause.error
