"""A small real HTTP/1.1 server on loopback, whose handlers write what they like: whole, in pieces, cut or not at all.

    async def steer(call: Call) -> None:
        await call.start(content_type="text/event-stream")
        await call.chunk(b"data: {}\\n\\n")
        await call.cut()

    async with Loopback({"POST /v1/steer": steer}) as server:
        ...  # ask server.url
        assert server.calls[0].json == {...}
        await server.calls[0].gone.wait()

Each connection carries one request. A handler that returns after `start` ends its chunked body by itself.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self


@dataclass
class Call:
    """A request that came, and the means to answer it."""

    method: str
    path: str
    """With its query, as it was asked."""
    headers: dict[str, str]
    """By their names in lower case."""
    body: bytes
    writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client has closed the connection, or has lost it."""
    gone_at: float | None = None
    """When that was, on the loop's clock."""
    _chunked: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    async def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send the status line and the headers, and leave the body to `write`."""
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        await self.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def answer(
        self,
        body: bytes | str = b"",
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a whole answer."""
        body = body.encode() if isinstance(body, str) else body
        told = {"Content-Type": content_type, "Content-Length": str(len(body))}
        await self.head(status, told | dict(headers or {}))
        await self.write(body)

    async def answer_json(self, value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer that is JSON."""
        await self.answer(json.dumps(value), status, headers=headers)

    async def start(
        self, status: int = 200, content_type: str = "text/event-stream", headers: Mapping[str, str] | None = None
    ) -> None:
        """Send the head of an answer whose body comes in chunks."""
        told = {"Content-Type": content_type, "Transfer-Encoding": "chunked"}
        await self.head(status, told | dict(headers or {}))
        self._chunked = True

    async def chunk(self, data: bytes) -> None:
        """Send a chunk of the body."""
        await self.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        """End the body, if it is one of chunks that has not ended."""
        if self._chunked:
            self._chunked = False
            await self.write(b"0\r\n\r\n")

    async def cut(self) -> None:
        """Close the connection here, after what was sent has left."""
        self._chunked = False
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    async def reset(self) -> None:
        """Drop the connection here, with whatever has not left."""
        self._chunked = False
        self.writer.transport.abort()

    async def silence(self) -> None:
        """Say nothing more until the client goes."""
        await self.gone.wait()


Handler = Callable[[Call], Awaitable[None]]


class Loopback:
    """Serves a table of handlers, by method and path without the query; what it does not hold is a 404."""

    def __init__(self, routes: Mapping[str, Handler], tls: ssl.SSLContext | None = None) -> None:
        self.routes = dict(routes)
        self._tls = tls
        self.calls: list[Call] = []
        """Every request that came, in order."""
        self._serving: set[asyncio.Task[None]] = set()
        self._failures: list[Exception] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()
        if self._failures and kind is None:
            raise self._failures[0]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        watch = None
        try:
            call = await _read_call(reader, writer)
            self.calls.append(call)
            watch = asyncio.create_task(_watch(reader, call))
            await self.routes.get(f"{call.method} {call.path.partition('?')[0]}", _not_found)(call)
            await call.end()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client went away, which `gone` tells
        except Exception as error:  # noqa: BLE001  # a handler's failed assertion is told when the server is left
            self._failures.append(error)
        finally:
            writer.close()
            if watch is not None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(watch, 5)


async def _read_call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Call(method, path, headers, body, writer)


async def _watch(reader: asyncio.StreamReader, call: Call) -> None:
    with suppress(OSError):
        while await reader.read(65536):
            pass
    call.gone_at = asyncio.get_running_loop().time()
    call.gone.set()


async def _not_found(call: Call) -> None:
    await call.answer_json({"detail": "Not Found"}, 404)
