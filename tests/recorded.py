"""Recordings for tests: made by hand, or by writing what an engine says into a file."""

from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from fake_time import FakeTime
from scripted_engine import FEATURES

from steer_tui.domain import (
    BOTH_LANES,
    ActivationEvent,
    Dial,
    ErrorEvent,
    Event,
    FeatureActivation,
    GenerationRequest,
    Lane,
    Method,
    Sampling,
    SteerError,
    TokenEvent,
)
from steer_tui.engines import Engine
from steer_tui.engines.replay import RecordedRun, Recording, TimedEvent
from steer_tui.generation.recording import new_recording

DIALS = (Dial(FEATURES[0], 4.0), Dial(FEATURES[1]))

RUN = RecordedRun(
    engine="scripted",
    model="stories-0M",
    prompt="Once upon a time",
    sampling=Sampling(seed=3, max_tokens=40, stop=("THE END",)),
    dials=DIALS,
    method=Method.ADDITIVE,
    chat=False,
    lanes=BOTH_LANES,
)


def at(seconds: float, event: Event) -> TimedEvent:
    """An event that came so many seconds after the run began."""
    return TimedEvent(seconds, event)


def word(text: str, index: int, lane: Lane = Lane.STEERED) -> TokenEvent:
    """A token of the steered lane, unless another is named."""
    return TokenEvent(text, index, lane)


def read(value: float, index: int, lane: Lane = Lane.STEERED) -> ActivationEvent:
    """What the first dial's feature read on a token."""
    return ActivationEvent(index, lane, (FeatureActivation(FEATURES[0].id, FEATURES[0].label, value),))


def recording(*events: TimedEvent, note: str | None = None, **changes: Any) -> Recording:
    """A recording of these events."""
    return Recording(replace(RUN, **changes), events, note)


def write(path: Path, of: Recording) -> Path:
    """The recording in a file, as the recorder writes it."""
    time = FakeTime(0.0)
    with new_recording(path, time.clock) as recorder:
        recorder.begin(of.run)
        for timed in of.events:
            time.now = timed.at
            recorder.take(timed.event)
    return path


async def record(path: Path, engine: Engine, run: RecordedRun) -> list[Event]:
    """What the engine says to a run's request, which is written down; an error becomes an event."""
    events: list[Event] = []
    with new_recording(path) as recorder:
        recorder.begin(run)
        try:
            async with aclosing(engine.stream(run.request)) as stream:
                async for event in stream:
                    recorder.take(event)
                    events.append(event)
        except SteerError as error:
            recorder.take(ErrorEvent(error.message, error.code, error.retry_after))
    return events


def request(**changes: Any) -> GenerationRequest:
    """The request that was recorded, with changes."""
    return replace(RUN.request, **changes)
