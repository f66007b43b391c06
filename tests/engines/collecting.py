"""What an engine's stream gives, as tests look at it."""

from collections.abc import Sequence
from contextlib import aclosing

import pytest

from steer_tui.domain import DoneEvent, Event, GenerationRequest, Lane, SteerError, TokenEvent
from steer_tui.engines import Engine


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


def words(events: Sequence[Event], lane: Lane = Lane.STEERED) -> list[str]:
    return [event.token for event in events if isinstance(event, TokenEvent) and event.lane is lane]


def endings(events: Sequence[Event]) -> list[str]:
    return [event.finish_reason.value for event in events if isinstance(event, DoneEvent)]
