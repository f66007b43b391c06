"""`steer-tui serve`: an engine behind a server, until somebody ends it."""

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from steer_tui.cli.publication import tell_publication
from steer_tui.cli.readiness import make_ready
from steer_tui.cli.settings import Settings
from steer_tui.cli.telling import tell
from steer_tui.domain import InvalidValue, Rejected, Unsupported

if TYPE_CHECKING:
    from steer_tui.server import ServeSettings

_SERVER = ("starlette", "uvicorn", "limits")
"""What the extra `serve` brings."""


def require_server() -> None:
    """Raises Unsupported where what the server is built on is not installed."""
    if missing := [name for name in _SERVER if find_spec(name) is None]:
        raise Unsupported(
            f"To serve, {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} needed, and not installed.",
            hint="Install what is needed with: pip install 'steer-tui[serve]'.",
        )


def run_server(settings: Settings, serving: "ServeSettings") -> None:
    """Serve until SIGTERM; raises KeyboardInterrupt once an interrupt has ended it in good order."""
    with _faults_told():
        ended_by = asyncio.run(_serve(settings, serving))
    if ended_by is signal.SIGINT:
        raise KeyboardInterrupt


async def _serve(settings: Settings, serving: "ServeSettings") -> signal.Signals:
    from steer_tui.server.serving import check, serve

    try:
        check(serving)  # before a model is loaded for minutes
    except Rejected as error:
        raise InvalidValue(f"{error.message} {error.hint}") from error
    async with aclosing(settings.open_engine()) as engine:
        await make_ready(engine, settings)
        tell_publication(engine)

        def tell_address(url: str) -> None:
            door = "a token is needed" if serving.tokens else "programs on this machine need no token"
            tell(f"{engine.info.model} ({settings.engine}) answers at {url}; {door}. Ctrl-C ends it.")

        return await serve(engine, serving, tell_address)


@contextmanager
def _faults_told() -> Iterator[None]:
    """Say what the server has to tell whoever runs it; without its cause, which may hold what is for nobody."""
    told = _Told(logging.WARNING)
    loggers = [logging.getLogger(name) for name in ("steer_tui.server", "uvicorn")]
    for logger in loggers:
        logger.addHandler(told)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(told)


class _Told(logging.Handler):
    """Records as lines on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it in a line."""
        tell(record.getMessage())
