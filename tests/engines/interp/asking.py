"""What the tests ask of the engine, and what they read of its answers."""

from contextlib import aclosing
from dataclasses import replace

import pytest

from steer_tui.domain import (
    ActivationEvent,
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

STEERED, DEFAULT = (Lane.STEERED,), (Lane.DEFAULT,)


async def feature(engine: Engine, name: object) -> Feature:
    (found,) = await engine.find_features(str(name))
    return found


def asked(
    *dials: tuple[Feature, float],
    lanes: tuple[Lane, ...] = STEERED,
    prompt: str = "Once upon",
    method: Method = Method.ADDITIVE,
    watched: tuple[Feature, ...] = (),
    chat: bool = False,
    **sampling: object,
) -> GenerationRequest:
    vector = SteeringVector.of([Dial(feature, value) for feature, value in dials], method)
    settings = replace(Sampling(max_tokens=8), **sampling)  # type: ignore[arg-type]
    return GenerationRequest(prompt, settings, vector, lanes, watched, chat)


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


def activations(events: list[Event], lane: Lane = Lane.STEERED) -> dict[int, list[float]]:
    """Of each token, in the order of the watched features."""
    told = [event for event in events if isinstance(event, ActivationEvent) and event.lane is lane]
    return {event.token_index: [round(one.activation, 3) for one in event.features] for event in told}
