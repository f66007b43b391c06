"""A run as it was: what it was made from, and its events with their times."""

from dataclasses import dataclass

from steer_tui.domain import (
    Dial,
    DoneEvent,
    ErrorEvent,
    Event,
    Feature,
    GenerationRequest,
    Lane,
    Method,
    Sampling,
    SteeringVector,
)


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """What a run was made from, and by what."""

    engine: str
    model: str
    prompt: str
    sampling: Sampling
    dials: tuple[Dial, ...]
    """Those that were off too: the recording may hold their activations."""
    method: Method
    chat: bool
    lanes: tuple[Lane, ...]

    @property
    def features(self) -> tuple[Feature, ...]:
        """Everything that there is a dial for."""
        return tuple(dial.feature for dial in self.dials)

    @property
    def request(self) -> GenerationRequest:
        """What was asked of the engine; raises InvalidValue where nothing could be asked."""
        vector = SteeringVector.of(self.dials, self.method)
        return GenerationRequest(self.prompt, self.sampling, vector, self.lanes, self.features, self.chat)


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """An event, and when it came."""

    at: float
    """Seconds since the run began."""
    event: Event

    def ends(self, lane: Lane) -> bool:
        """Whether nothing comes for the lane after this."""
        return isinstance(self.event, DoneEvent | ErrorEvent) and self.is_of(lane)

    def is_of(self, lane: Lane) -> bool:
        """Whether it belongs to the lane, or to both."""
        return self.event.lane in (None, lane)


@dataclass(frozen=True, slots=True)
class Recording:
    """A run, and all that came of it."""

    run: RecordedRun
    events: tuple[TimedEvent, ...]
    """In the order in which they came."""
    note: str | None = None
    """One sentence: what is not whole about it, or None where nothing is missing."""

    @property
    def length(self) -> float:
        """Seconds from the beginning to the last event."""
        return self.events[-1].at if self.events else 0.0
