"""A look at a gateway, without generating anything."""

import asyncio

from steer_tui.domain import SteerError, TimedOut, Unreachable
from steer_tui.engines.gateway.connection import Connection
from steer_tui.engines.services import Diagnosis
from steer_tui.wire.origin import origin_of

LOOK_SECONDS = 8.0
"""Who asks may wait for 10."""


async def diagnose(connection: Connection) -> Diagnosis:
    """What is there."""
    address: str | None = None
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            address = origin_of((await connection.client()).base_url)
            connection.forget()
            found = await connection.learn()
    except TimeoutError:
        error: SteerError = TimedOut(
            f"{address} did not answer within {LOOK_SECONDS:g} seconds.",
            hint="It may be another kind of server, or not be there at all.",
        )
    except SteerError as failure:
        error = failure
    else:
        quota = connection.quota
        left = None if quota is None else quota.remaining
        return Diagnosis(address, True, connection.has_token, found.model, left)
    is_reachable = address is not None and not isinstance(error, Unreachable | TimedOut)
    return Diagnosis(address, is_reachable, connection.has_token, None, None, error.message, error.hint)
