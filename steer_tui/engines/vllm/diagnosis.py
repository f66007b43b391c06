"""A look at the server, without generating anything."""

from steer_tui.domain import SteerError
from steer_tui.engines.looking import look
from steer_tui.engines.services import Diagnosis
from steer_tui.engines.vllm.connection import Connection
from steer_tui.engines.vllm.dialect import Dialect

_LATE = "It may still be loading its model, be another kind of server, or not be there at all."


async def diagnose(connection: Connection, dialect: Dialect, asked_model: str | None) -> Diagnosis:
    """What is there, with the model that was asked for."""

    async def find() -> tuple[str, SteerError | None]:
        model = (await connection.model(asked_model)).id
        try:
            return model, await dialect.problem(connection)
        except SteerError as error:
            return model, error

    seen = await look(connection, find, late=_LATE)
    model, problem = seen.found or (None, None)
    return seen.diagnosis(has_key=connection.has_key, model=model, problem=problem)
