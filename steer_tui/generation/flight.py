"""One request on its way, with everything that it was made from."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field

from steer_tui.domain import GenerationRequest, Lane
from steer_tui.generation.inputs import Inputs

ANSWER_GRACE = 1.0
"""Seconds that an engine has to answer to a turn when its stream has been cancelled; what comes after it waits."""


@dataclass(eq=False, slots=True)
class Flight:
    """A request with its attempts, for one lane or for both, and the task that brings it home."""

    lanes: tuple[Lane, ...]
    inputs: Inputs
    """What its text is made from, dials that were turned on the way included."""
    run: int
    wanted: Inputs = field(init=False)
    """The same with the dials as the person wants them, while the engine has not answered to a turn."""
    attempt: int = 0
    """How often the request has left."""
    request: GenerationRequest | None = None
    """The one that left last, whose stream is turned."""
    task: "asyncio.Task[None] | None" = None
    turning: "asyncio.Task[None] | None" = None
    """What brings turned dials to the engine, from the first turn on."""
    cancelled: bool = False
    wait: asyncio.Timeout | None = None
    """What its next attempt waits for, which `hurry` ends."""

    def __post_init__(self) -> None:
        self.wanted = self.inputs

    @property
    def is_active(self) -> bool:
        """Whether it has not ended yet."""
        return self.task is not None and not self.task.done()

    @property
    def has_closed(self) -> bool:
        """Whether neither its stream nor a turn is under way."""
        return not (self.is_active or self.is_turning)

    @property
    def is_turning(self) -> bool:
        """Whether a turn is on its way to the engine."""
        return self.turning is not None and not self.turning.done()

    def leave(self, lanes: tuple[Lane, ...]) -> GenerationRequest:
        """An attempt leaves: dials that were turned since the one before act on it from its first token on."""
        self.attempt += 1
        self.inputs = self.wanted
        self.request = self.inputs.request(lanes)
        return self.request

    async def pause(self, sleep: Awaitable[None]) -> None:
        """Wait before the next attempt until the sleep is over, or nobody wants to wait any longer."""
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(None) as self.wait:
                    await sleep
        finally:
            self.wait = None

    def hurry(self) -> bool:
        """Wait no longer; False where it is not a pause that keeps the next attempt back."""
        if self.wait is None:
            return False
        if not self.wait.expired():
            self.wait.reschedule(asyncio.get_running_loop().time())
        return True

    def cancel(self) -> None:
        """End its stream; a turn that is under way has a moment to be answered, since its effect may be in the text."""
        # Once only: a second cancel would break off an engine that is closing after the first.
        if self.task is not None and not self.cancelled:
            self.cancelled = True
            self.task.cancel()
            if self.turning is not None:
                asyncio.get_running_loop().call_later(ANSWER_GRACE, self.turning.cancel)
