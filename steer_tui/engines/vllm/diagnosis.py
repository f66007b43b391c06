"""A look at the server, without generating anything."""

import asyncio

from steer_tui.domain import SteerError, TimedOut, Unreachable
from steer_tui.engines.services import Diagnosis
from steer_tui.engines.vllm.connection import Connection
from steer_tui.engines.vllm.dialect import Dialect
from steer_tui.wire.origin import origin_of

LOOK_SECONDS = 8.0
"""Who asks may wait for 10."""


async def diagnose(connection: Connection, dialect: Dialect, asked_model: str | None) -> Diagnosis:
    """What is there, with the model that was asked for."""
    address: str | None = None
    model: str | None = None
    error: SteerError | None
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            address = origin_of((await connection.client()).base_url)
            model = (await connection.model(asked_model)).id
            error = await dialect.problem(connection)
    except TimeoutError:
        error = TimedOut(
            f"{address} did not answer within {LOOK_SECONDS:g} seconds.",
            hint="It may still be loading its model, be another kind of server, or not be there at all.",
        )
    except SteerError as failure:
        error = failure
    is_reachable = address is not None and not isinstance(error, Unreachable | TimedOut)
    problem, hint = (None, None) if error is None else (error.message, error.hint)
    return Diagnosis(address, is_reachable, connection.has_key, model, None, problem, hint)
