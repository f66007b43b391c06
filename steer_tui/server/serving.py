"""Runs the server: listens, answers until it is told to stop, says goodbye and ends."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn

from steer_tui.domain import Rejected
from steer_tui.engines import Engine
from steer_tui.server.app import application
from steer_tui.server.limiting import Limiter
from steer_tui.server.settings import ServeSettings

GRACE_SECONDS = 1.0
"""What a client has to take its last events when the server ends."""

GRACEFUL_SECONDS = 2
"""What an answer has to come to its end, when the server does."""

STALLED_SECONDS = 60.0
"""After which a client that takes nothing of what is sent to it is given up."""

_LOOK = 0.01


async def serve(
    engine: Engine, settings: ServeSettings, on_listening: Callable[[str], None] = lambda _: None
) -> signal.Signals:
    """Answer requests with the engine, which the caller closes, until SIGINT or SIGTERM, and return which it was.

    `on_listening` is called with the server's address once it can be asked. Raises Rejected where the address cannot be
    listened on, and InvalidValue for a storage that cannot be.
    """
    stopped: asyncio.Queue[signal.Signals] = asyncio.Queue()
    with _signals(stopped.put_nowait):
        async with running(engine, settings) as url:
            on_listening(url)
            return await stopped.get()


def check(settings: ServeSettings) -> None:
    """Raise what `serve` would of its address and its storage, before anything is loaded for it."""
    Limiter(settings.rate_limit, settings.storage)
    _listen(settings).close()


@asynccontextmanager
async def running(engine: Engine, settings: ServeSettings) -> AsyncIterator[str]:
    """The server as long as the block lasts, and its address; at the end every open stream is told so."""
    made = application(engine, settings)
    config = uvicorn.Config(
        made.app,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,  # a query may hold a token
        proxy_headers=False,  # uvicorn would believe every proxy on this machine
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    server = _Server(config)
    listener = _listen(settings)
    host, port = listener.getsockname()[:2]
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(_serve(server, listener))
        while not (server.started or serving.done()):  # noqa: ASYNC110  # it tells so by nothing else
            await asyncio.sleep(_LOOK)
        if server.started:
            try:
                yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            finally:
                made.runs.goodbye()
                server.should_exit = True
                await asyncio.wait([serving], timeout=GRACE_SECONDS)
                for connection in list(server.server_state.connections):
                    connection.transport.abort()  # one that does not read would hold the server for ever
    if not server.started:
        listener.close()
        raise Rejected("The server could not start.", hint="What was logged tells the reason.")


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    with suppress(SystemExit):  # where it cannot start; for uvicorn the process is its own
        await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(settings: ServeSettings) -> socket.socket:
    host = settings.host.strip("[]")
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, settings.port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=kind, backlog=2048)
    except OSError as error:
        # Of the socket's own errors the plain words: Python's own repeat the address.
        plain = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        raise Rejected(
            f"The server cannot listen on {host}, port {settings.port}: {plain}.",
            hint="Choose another with --port or --host.",
        ) from error
    listener.setblocking(False)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # every connection inherits it
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALLED_SECONDS * 1000))
    return listener


@contextmanager
def _signals(stop: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Let SIGINT and SIGTERM stop the server in good order, as long as the block lasts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    former = {
        number: signal.signal(number, lambda came, _: loop.call_soon_threadsafe(stop, signal.Signals(came)))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
