"""A server that is started for one model when it is first needed, and never left behind."""

import asyncio
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from steer_tui.domain import SteerError, safe_line
from steer_tui.engines.interp.serving.child import Child
from steer_tui.engines.interp.serving.ending import PortTaken, ServerEnded, ending_error, says_port_taken
from steer_tui.engines.interp.serving.launch import (
    HOST,
    INTERP_ENGINE,
    Launch,
    check_arguments,
    checked_model,
    free_port,
    server_environment,
)
from steer_tui.engines.interp.serving.readiness import ask_health, loading_failure
from steer_tui.engines.interp.serving.server import ServerAddress
from steer_tui.engines.interp.serving.server_log import ServerLog
from steer_tui.engines.interp.serving.shared import Shared
from steer_tui.engines.services import Loading
from steer_tui.wire import connect

if TYPE_CHECKING:
    import httpx

PORTS_MAX = 4
"""How many ports are tried where somebody else is faster."""
LOOK_PAUSE_SECONDS = 0.25
"""Between two looks at a server that is starting or loading."""
LOOK_SECONDS = 5.0
"""For one look: a server that is busy with loading answers late."""

TELLING_SECONDS = 1.0
"""How long it is told, before it is started anew, that a server has ended."""
_TAKEN = "Another program has taken each port that the server was to listen at."


@dataclass(frozen=True, slots=True)
class _Ended:
    """A server that was ready, and has ended by itself since."""

    at: float
    """When that was noticed."""
    model: str
    last_words: str | None
    exit_code: int | None

    def error(self) -> ServerEnded:
        return ending_error(f"The server that had {safe_line(self.model)} has ended", self.last_words, self.exit_code)


class Managed:
    """A server of our own on loopback, with a token that nobody else has."""

    def __init__(self, model: str, arguments: tuple[str, ...] = (), launch: Launch = INTERP_ENGINE) -> None:
        self._model = model
        self._arguments = arguments
        self._launch = launch
        self._starting = Shared(self._start)
        self._child: Child | None = None
        self._address: ServerAddress | None = None
        self._ended: _Ended | None = None
        self._stage: str | None = None
        self._began = 0.0

    @property
    def url(self) -> None:
        """It has no place of its own: each start takes a port that is free."""
        return None

    @property
    def loading(self) -> Loading | None:
        """How far the server is that is being started, or None while none is."""
        if self._stage is None or not self._starting.is_waited_for:
            return None
        return Loading(self._stage, self._began, self._child.log.last_line if self._child else None)

    async def address(self) -> ServerAddress:
        """Where the server answers, started where it does not run.

        One that had been ready and has ended since raises `ServerEnded` with its last words, to everybody who asks
        within `TELLING_SECONDS`; who asks after that starts it anew. So a person does, and a second lane or a retry
        that nobody asked for does not.
        """
        if self._child is not None and self._address is not None and self._child.has_ended:
            await self._note_end(self._child)
        if self._ended is not None and time.monotonic() - self._ended.at < TELLING_SECONDS:
            raise self._ended.error()
        return self._address or await self._starting.result()

    async def aclose(self) -> None:
        """End the server, and wait until nothing of it is left."""
        await self._starting.aclose()
        self._address = None
        if self._child is not None:
            await self._child.end()
            self._child = None

    async def _note_end(self, child: Child) -> None:
        await child.wait()
        if self._child is child:
            self._child = self._address = None
            self._ended = _Ended(time.monotonic(), self._model, child.log.last_words, child.exit_code)

    async def _start(self) -> ServerAddress:
        self._began = time.monotonic()
        try:
            self._launch.check()
            check_arguments(self._arguments)
            model = checked_model(self._model)
            for _ in range(PORTS_MAX - 1):
                with suppress(PortTaken):
                    return await self._start_at(free_port(), model)
            return await self._start_at(free_port(), model)
        finally:
            self._stage = None

    async def _start_at(self, port: int, model: str) -> ServerAddress:
        self._stage = "starting the server"
        token = secrets.token_urlsafe(32)
        command = self._launch.words(model, port, self._arguments)
        child = await Child.start(command, server_environment(os.environ, token), ServerLog(token))
        self._child = child
        url = f"http://{HOST}:{port}"
        try:
            async with await connect(url) as client:
                await self._get_ready(child, client, model)
        except BaseException:
            self._stage = "ending the server"  # who asks for it again waits for that first
            await child.end()
            self._child = None
            raise
        self._address = ServerAddress(url, SecretStr(token))
        return self._address

    async def _get_ready(self, child: Child, client: "httpx.AsyncClient", model: str) -> None:
        ending = asyncio.create_task(child.wait())
        looking = asyncio.create_task(self._look(child, client, model))
        try:
            await asyncio.wait([ending, looking], return_when=asyncio.FIRST_COMPLETED)
            if looking.done() and not child.has_ended:
                return looking.result()
            await ending
        finally:
            ending.cancel()
            looking.cancel()
            await asyncio.gather(ending, looking, return_exceptions=True)
        if says_port_taken(child.log.lines):
            raise PortTaken(_TAKEN)
        what_happened = f"The server ended before it had loaded {safe_line(model)}"
        raise ending_error(what_happened, child.log.last_words, child.exit_code)

    async def _look(self, child: Child, client: "httpx.AsyncClient", model: str) -> None:
        """Look until the server is ready; while it is only starting, nobody listens at its port."""
        has_answered = False
        while True:
            if not has_answered and says_port_taken(child.log.lines):
                raise PortTaken(_TAKEN)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    health = await ask_health(client)
            except TimeoutError:
                pass
            except SteerError as error:
                if not error.passing:
                    raise PortTaken(error.message, hint=error.hint) from error
            else:
                if health.model != model:
                    raise PortTaken("Another server answers at the port that ours was to listen at.")
                has_answered = True
                if health.problem is not None:
                    raise loading_failure(model, health.problem)
                if health.is_ready:
                    return
                self._stage = f"the server loads {safe_line(model)}"
            await asyncio.sleep(LOOK_PAUSE_SECONDS)
