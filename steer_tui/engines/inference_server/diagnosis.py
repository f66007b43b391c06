"""A look at the server, without generating anything."""

from steer_tui.domain import Malformed, SteerError, Unsupported
from steer_tui.engines.inference_server.answers import Capabilities
from steer_tui.engines.inference_server.belonging import other_model
from steer_tui.engines.inference_server.connection import Connection
from steer_tui.engines.looking import look
from steer_tui.engines.services import Diagnosis

_LATE = "It may be busy with a generation, be another kind of server, or not be there at all."


async def diagnose(connection: Connection, model: str | None) -> Diagnosis:
    """What is there, with the model that was asked for."""
    connection.forget()
    seen = await look(connection, connection.learn, late=_LATE)
    if seen.found is None:
        return seen.diagnosis(has_key=connection.has_key)
    return seen.diagnosis(has_key=connection.has_key, model=seen.found.model, problem=_problem_of(seen.found, model))


def _problem_of(found: Capabilities, model: str | None) -> SteerError | None:
    if found.lacks("steer_completion"):
        return Unsupported(
            "The server says that it does not steer.", hint="Start it with a model and a backend that can be steered."
        )
    if found == Capabilities():
        return Malformed(
            "The server says nothing of itself.",
            hint="It may be an older inference server, which can still steer, or another kind of server.",
        )
    return other_model(model, found.model)
