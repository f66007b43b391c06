"""Two streams as one, each event as it comes.

Where no secure connection can be made, no lane can go on, and no event could say that asking again is in vain.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from steer_tui.domain import ErrorEvent, Event, Lane, SteerError
from steer_tui.wire.failures import NoSecureConnection

_AHEAD = 16
"""Events that may wait for their reader, so that a slow one slows the server down."""


async def merged(
    lanes: Sequence[Lane], open_stream: Callable[[Lane], AsyncGenerator[Event, None]]
) -> AsyncGenerator[Event, None]:
    """The events of lanes that run at once; one that fails ends in an `ErrorEvent`, and the others go on."""
    queue: asyncio.Queue[Event | BaseException | None] = asyncio.Queue(_AHEAD)

    async def pump(lane: Lane) -> None:
        async with aclosing(open_stream(lane)) as events:
            async for event in events:
                await queue.put(event)

    async def carry(lane: Lane) -> None:
        try:
            await pump(lane)
        except NoSecureConnection as error:
            await queue.put(error)
        except SteerError as error:
            await queue.put(ErrorEvent(error.message, error.code, error.retry_after, lane))
        except Exception as fault:  # noqa: BLE001  the reader raises it in our place
            await queue.put(fault)
        else:
            await queue.put(None)

    tasks = [asyncio.create_task(carry(lane)) for lane in lanes]
    open_lanes = len(tasks)
    try:
        while open_lanes:
            event = await queue.get()
            if isinstance(event, BaseException):
                raise event
            if event is None or isinstance(event, ErrorEvent):
                open_lanes -= 1
            if event is not None:
                yield event
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def in_turn(
    lanes: Sequence[Lane], open_stream: Callable[[Lane], AsyncGenerator[Event, None]]
) -> AsyncGenerator[Event, None]:
    """The events of lanes that run one after the other; one that fails ends in an `ErrorEvent`."""
    for lane in lanes:
        try:
            async with aclosing(open_stream(lane)) as events:
                async for event in events:
                    yield event
        except NoSecureConnection:
            raise
        except SteerError as error:
            yield ErrorEvent(error.message, error.code, error.retry_after, lane)
