"""A look at the server, without generating anything."""

import asyncio

from steer_tui.domain import SteerError, TimedOut, Unreachable
from steer_tui.engines.interp.answers import Described
from steer_tui.engines.interp.connection import Connection
from steer_tui.engines.interp.explaining import NotReady, other_model
from steer_tui.engines.interp.serving.server import Server
from steer_tui.engines.looking import LOOK_SECONDS
from steer_tui.engines.services import Diagnosis


async def diagnose(connection: Connection, server: Server, model: str | None) -> Diagnosis:
    """What is there, with the model that was asked for."""
    connection.forget()
    try:
        described = await _described(connection, server)
    except SteerError as failure:
        error: SteerError = failure
    else:
        name = described.description.hf_model_id
        wrong = other_model(model, name)
        problem, hint = (None, None) if wrong is None else (wrong.message, wrong.hint)
        return Diagnosis(connection.origin, True, connection.has_token, name, None, problem, hint)
    is_reachable = not isinstance(error, Unreachable | TimedOut)
    return Diagnosis(connection.origin, is_reachable, connection.has_token, None, None, error.message, error.hint)


async def _described(connection: Connection, server: Server) -> Described:
    """What the server says of itself; raises where it does not in time."""
    learning = asyncio.create_task(connection.learn())
    try:
        await asyncio.wait([learning], timeout=LOOK_SECONDS)
        if learning.done():
            return learning.result()
        where, loading = connection.origin or "The server", server.loading
    finally:
        learning.cancel()
        await asyncio.wait([learning])
    if loading is not None:
        raise NotReady(
            f"{where} is not ready yet: {loading.stage}.", hint="Wait until it has loaded: that can take minutes."
        )
    raise TimedOut(
        f"{where} did not answer within {LOOK_SECONDS:g} seconds.", hint="It may be another server, or a busy one."
    )
