"""A look at a gateway, without generating anything."""

from steer_tui.engines.gateway.connection import Connection
from steer_tui.engines.looking import look
from steer_tui.engines.services import Diagnosis


async def diagnose(connection: Connection) -> Diagnosis:
    """What is there."""
    connection.forget()
    seen = await look(connection, connection.learn, late="It may be another kind of server, or not be there at all.")
    if seen.found is None:
        return seen.diagnosis(has_key=connection.has_token)
    quota = connection.quota
    left = None if quota is None else quota.remaining
    return seen.diagnosis(has_key=connection.has_token, model=seen.found.model, quota=left)
