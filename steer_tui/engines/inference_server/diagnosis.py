"""A look at the server, without generating anything."""

import asyncio

from steer_tui.domain import SteerError, TimedOut, Unreachable
from steer_tui.engines.inference_server.answers import Capabilities
from steer_tui.engines.inference_server.belonging import other_model
from steer_tui.engines.inference_server.connection import Connection
from steer_tui.engines.services import Diagnosis
from steer_tui.wire.origin import origin_of

LOOK_SECONDS = 8.0
"""A server that is generating on its eager backend answers some seconds late; who asks may wait for 10."""


async def diagnose(connection: Connection, model: str | None) -> Diagnosis:
    """What is there, with the model that was asked for."""
    address: str | None = None
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            address = origin_of((await connection.client()).base_url)
            connection.forget()
            found = await connection.learn()
    except TimeoutError:
        error: SteerError = TimedOut(
            f"{address} did not answer within {LOOK_SECONDS:g} seconds.",
            hint="It may be busy with a generation, be another kind of server, or not be there at all.",
        )
    except SteerError as failure:
        error = failure
    else:
        problem, hint = _problem(found, model)
        return Diagnosis(address, True, connection.has_key, found.model, None, problem, hint)
    is_reachable = address is not None and not isinstance(error, Unreachable | TimedOut)
    return Diagnosis(address, is_reachable, connection.has_key, None, None, error.message, error.hint)


def _problem(found: Capabilities, model: str | None) -> tuple[str | None, str | None]:
    if found.lacks("steer_completion"):
        return "The server says that it does not steer.", "Start it with a model and a backend that can be steered."
    if found == Capabilities():
        return (
            "The server says nothing of itself.",
            "It may be an older inference server, which can still steer, or another kind of server.",
        )
    if error := other_model(model, found.model):
        return error.message, error.hint
    return None, None
