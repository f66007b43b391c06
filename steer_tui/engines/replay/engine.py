"""A recording behind the engine's door: it gives what was recorded, when it came, and says of all else that it cannot.

Time is its very matter, so that it has a clock and a sleep as the controller has.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from steer_tui.domain import (
    ErrorEvent,
    Event,
    Feature,
    GenerationRequest,
    Lane,
    SteeringVector,
    Truncated,
    Unsupported,
)
from steer_tui.engines.door import EngineInfo, LanePolicy
from steer_tui.engines.replay.recorded import Recording, TimedEvent


class EndOfRecording(Truncated):
    """The recording has ended before the text has; asking once more brings nothing else."""

    passing = False


class Replay:
    """Plays a recording at its own times, as often as it is asked for just what was recorded."""

    def __init__(
        self,
        recording: Recording,
        *,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`speed` is how many recorded seconds pass in one; at 0 nothing is waited for."""
        self._recording, self._speed = recording, speed
        self._clock, self._sleep = clock, sleep

    @property
    def info(self) -> EngineInfo:
        """What was recorded; each lane can be played by itself."""
        run = self._recording.run
        return EngineInfo(f"recording of {run.engine}", run.model, (run.method,), LanePolicy.PARALLEL)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """The recorded events of the lanes, errors among them.

        A lane that came only after another had ended begins with its own first moment where it is played alone. Raises
        Unsupported for what was not recorded, and EndOfRecording where the recording ends before a lane does.
        """
        self._check(request)
        recorded, open_lanes = self._recording.events, list(request.lanes)
        began = self._clock() - self._played(self._beginning(request.lanes))
        for timed in recorded:
            if not any(timed.is_of(lane) for lane in open_lanes):
                continue
            await self._wait_until(began, timed.at)
            open_lanes = [lane for lane in open_lanes if not timed.ends(lane)]
            yield timed.event
        missing = [lane for lane in open_lanes if lane not in self._recording.run.lanes]
        if missing:
            # Not at once: it is the other lane that is watched.
            await self._wait_until(began, self._recording.length)
            raise Unsupported(
                f"This is a recording, and it holds no {missing[0].value} text.",
                hint="`steer-tui run --lane both --record FILE` records both.",
            )
        if open_lanes:
            raise EndOfRecording(
                "The recording ends before the text does.",
                hint=self._recording.note or "The run that was recorded was stopped, or has failed.",
            )

    async def resume(self, lost: GenerationRequest, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Raise EndOfRecording where the lost stream had met a recorded error: it would do so for ever."""
        for timed in self._recording.events:
            if isinstance(timed.event, ErrorEvent) and any(timed.ends(lane) for lane in request.lanes):
                message = timed.event.message
                raise EndOfRecording(message, hint="Here the recording ends; generating once more plays it anew.")
        async with aclosing(self.stream(request)) as events:
            async for event in events:
                yield event

    def give_up(self, request: GenerationRequest) -> None:
        """There is nothing to give up."""

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """The recorded features whose label or id holds the query."""
        wanted = query.strip().casefold()
        features = self._recording.run.features
        return [one for one in features if wanted in one.label.casefold() or wanted in one.id.casefold()][:limit]

    async def aclose(self) -> None:
        """There is nothing to let go of."""

    def _check(self, request: GenerationRequest) -> None:
        """Raise Unsupported for a request that is not the recorded one, lanes aside."""
        recorded = self._recording.run.request
        other = None
        if request.prompt != recorded.prompt:
            other = "another prompt"
        elif request.chat is not recorded.chat:
            other = "the prompt as plain text" if recorded.chat else "the prompt as a chat message"
        elif request.sampling != recorded.sampling:
            other = "another seed or other sampling"
        elif Lane.STEERED in request.lanes and _acting(request.vector) != _acting(recorded.vector):
            other = "other dials"
        if other is not None:
            raise Unsupported(
                f"This is a recording, and it holds no text for {other}.",
                hint="Undo the change to play it again; `steer-tui` without `replay` generates new texts.",
            )

    def _beginning(self, lanes: Sequence[Lane]) -> float:
        """When the recorded run began with these lanes: at its start, or once the one before them had ended."""
        others = [lane for lane in Lane if lane not in lanes]
        ended = 0.0
        for timed in self._recording.events:
            if any(timed.is_of(lane) for lane in lanes):
                return ended
            if _ends_any(timed, others):
                ended = timed.at
        return 0.0

    def _played(self, recorded: float) -> float:
        """How long recorded seconds are as they are played."""
        return recorded / self._speed if self._speed else 0.0

    async def _wait_until(self, began: float, at: float) -> None:
        left = began + self._played(at) - self._clock()
        if self._speed and left > 0:
            await self._sleep(left)


def _ends_any(timed: TimedEvent, lanes: Sequence[Lane]) -> bool:
    return any(timed.ends(lane) for lane in lanes)


def _acting(vector: SteeringVector) -> object:
    """What acts, whatever else is known of the features."""
    dials = frozenset((dial.feature.id, dial.value) for dial in vector.dials)
    return (dials, vector.method) if dials else None
