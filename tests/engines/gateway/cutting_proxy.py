"""A small TCP proxy that loses the connection of a stream where the test says.

async with CuttingProxy(server_url, cuts=[3, 5]) as proxy:
    ...  # the first stream through proxy.url breaks behind its third event, the second one behind its fifth
"""

import asyncio
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

_STREAM = b"content-type: text/event-stream"
_HEAD_END = b"\r\n\r\n"
_EVENT_END = b"\n\n"


class CuttingProxy:
    """Passes everything on; each cut counts the events of one stream, and at -1 nothing of the answer passes."""

    def __init__(self, url: str, cuts: Iterable[int] = (), *, beyond: int = 0, squeezed: bool = False) -> None:
        self.turn_to(url)
        self._cuts = list(cuts)
        self._beyond = beyond
        """How many bytes of the event behind the cut still pass."""
        self._squeezed = squeezed
        """Whether streams may be compressed; then a cut counts their bytes."""
        self._connections: set[asyncio.Task[None]] = set()
        self.streams = 0
        """How many streams have begun."""

    def turn_to(self, url: str) -> None:
        """Connect to this server from now on."""
        parts = urlsplit(url)
        assert parts.hostname is not None and parts.port is not None
        self._host, self._port = parts.hostname, parts.port

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, to_there = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        try:
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(self._ask(reader, to_there))
                await self._answer(there, writer)
                asking.cancel()
        except* OSError:
            pass
        finally:
            for one in (writer, to_there):
                one.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self._squeezed:  # else events could not be counted
                data = re.sub(rb"(?i)accept-encoding: [^\r]*", b"Accept-Encoding: identity", data)
            writer.write(data)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass answers on until their end, or to where a stream is to be cut."""
        came, passed, begins = b"", 0, -1
        limit: int | None = None
        while data := await reader.read(65536):
            came += data
            if begins < 0 and (head := came.lower().find(_STREAM)) >= 0 and (end := came.find(_HEAD_END, head)) >= 0:
                begins = end + len(_HEAD_END)
                self.streams += 1
                limit = self._cuts.pop(0) if self._cuts else None
            if limit is not None and (end := self._end(came, begins, limit)) >= 0:
                writer.write(came[passed : end + self._beyond])
                await writer.drain()
                return
            writer.write(came[passed:])
            passed = len(came)
            await writer.drain()

    def _end(self, came: bytes, begins: int, cut: int) -> int:
        """Where the cut is, or -1 where it has not come."""
        if cut < 0:
            return came.rfind(b"HTTP/1.1", 0, begins)
        if self._squeezed:
            return begins + cut if len(came) >= begins + cut else -1
        return _end_of_events(came, begins, cut)


def _end_of_events(came: bytes, begins: int, count: int) -> int:
    """Where the so many-th event that has a name ends."""
    at = begins
    for _ in range(count):
        at = came.find(b"\nevent: ", at)
        at = came.find(_EVENT_END, at) if at >= 0 else at
        if at < 0:
            return -1
        at += len(_EVENT_END)
    return at
