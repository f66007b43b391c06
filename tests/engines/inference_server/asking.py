"""What the tests ask of the engine, and what they read of its answers."""

from contextlib import aclosing
from dataclasses import replace

import pytest

from steer_tui.domain import (
    Dial,
    DoneEvent,
    Event,
    Feature,
    GenerationRequest,
    Lane,
    Method,
    Sampling,
    SteerError,
    SteeringVector,
    TokenEvent,
)
from steer_tui.engines import Engine

SEA = Feature("gpt2-small/6-res-jb/7", "6-res-jb/7", unit=2.0)
DOG = Feature("gpt2-small/6-res-jb/8", "6-res-jb/8", unit=2.0)
STEERED, DEFAULT = (Lane.STEERED,), (Lane.DEFAULT,)


def asked(
    lanes: tuple[Lane, ...] = STEERED,
    prompt: str = "Once upon",
    value: float = 4.0,
    method: Method = Method.ADDITIVE,
    **sampling: object,
) -> GenerationRequest:
    vector = SteeringVector.of((Dial(SEA, value),), method)
    settings = replace(Sampling(max_tokens=8), **sampling)  # type: ignore[arg-type]
    return GenerationRequest(prompt, settings, vector, lanes)


async def events_of(engine: Engine, request: GenerationRequest) -> list[Event]:
    async with aclosing(engine.stream(request)) as stream:
        return [event async for event in stream]


async def failure_of(engine: Engine, request: GenerationRequest) -> tuple[list[Event], SteerError]:
    """The events before the failure, and the failure."""
    events: list[Event] = []
    with pytest.raises(SteerError) as failed:
        async with aclosing(engine.stream(request)) as stream:
            async for event in stream:
                events.append(event)  # noqa: PERF401  # those before the failure are wanted
    return events, failed.value


def words(events: list[Event], lane: Lane = Lane.STEERED) -> list[str]:
    return [event.token for event in events if isinstance(event, TokenEvent) and event.lane is lane]


def endings(events: list[Event]) -> list[str]:
    return [event.finish_reason.value for event in events if isinstance(event, DoneEvent)]
