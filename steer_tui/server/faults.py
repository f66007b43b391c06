"""What is told of a fault of our own: to the client that it was, to the log where, to nobody what it said."""

import logging
from pathlib import PurePath
from traceback import extract_tb

from starlette.types import ASGIApp, Receive, Scope, Send


class FaultLog:
    """Ends the way of a fault that was answered: uvicorn would log all of it, an engine's paths and words included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the answer pass."""
        try:
            await self._app(scope, receive, send)
        except Exception as fault:  # noqa: BLE001  # Starlette has answered it, and raises it for the log
            place = extract_tb(fault.__traceback__)[-1]
            where = f"{PurePath(place.filename).name}, line {place.lineno}"
            logging.getLogger(__name__).error("a request broke: %s in %s", type(fault).__name__, where)
