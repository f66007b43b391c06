"""Talks to a gateway that really listens: with an HTTP client, or with raw bytes.

async with gateway(ScriptedEngine()) as there:
    told = await there.generate(prompt="Hello")
    assert told.text == "..."
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx

from steer_tui.engines import Engine
from steer_tui.server import ServeSettings
from steer_tui.server.serving import running
from steer_tui.wire.sse import SseParser

TOKEN, OTHER_TOKEN = "correct-horse", "battery-staple"
PATIENCE = 10.0


@dataclass(frozen=True)
class Told:
    """One event."""

    id: str
    event: str
    data: dict[str, Any]


def text_of(events: list[Told], lane: str = "steered") -> str:
    return "".join(told.data["token"] for told in events if told.event == "token" and told.data["lane"] == lane)


def names_of(events: list[Told]) -> list[str]:
    return [told.event for told in events]


def numbers_of(events: list[Told]) -> list[int]:
    return [int(told.id.rpartition(":")[2]) for told in events]


def asked(prompt: str = "Hello", /, *, features: Any = (), method: str = "additive", **options: Any) -> dict[str, Any]:
    """The body of a generation."""
    return {"prompt": prompt, "steeringVector": {"features": list(features), "method": method}, "options": options}


class Gateway:
    """A server, and a client of it."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self.url, self.client = url, client
        self.port = int(url.rpartition(":")[2])

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        return await self.client.post("/api/generate", json=body, headers=_named(headers))

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=_named(headers))

    async def generate(self, body: Any = None, **headers: str) -> list[Told]:
        """All events of a generation."""
        answer = await self.post(asked() if body is None else body, **headers)
        assert answer.status_code == 200, answer.text
        return events_in(answer.content)

    async def resume(self, id: str, **headers: str) -> httpx.Response:
        return await self.client.get("/api/generate", headers={"Last-Event-ID": id, **_named(headers)})

    @asynccontextmanager
    async def stream(self, body: Any = None, **headers: str) -> AsyncIterator["Stream"]:
        """A generation while it comes; leaving the block drops the connection."""
        request = self.client.build_request("POST", "/api/generate", json=body or asked(), headers=_named(headers))
        async with self.opened(request) as stream:
            yield stream

    @asynccontextmanager
    async def behind(self, id: str, **headers: str) -> AsyncIterator["Stream"]:
        """The same, going on behind an event."""
        told = {"Last-Event-ID": id, **_named(headers)}
        async with self.opened(self.client.build_request("GET", "/api/generate", headers=told)) as stream:
            yield stream

    @asynccontextmanager
    async def opened(self, request: httpx.Request) -> AsyncIterator["Stream"]:
        response = await self.client.send(request, stream=True)
        stream = Stream(response)
        try:
            yield stream
        finally:
            with suppress(httpx.HTTPError):
                await stream.aclose()

    async def info(self) -> dict[str, Any]:
        return (await self.client.get("/api/info")).json()


class Stream:
    """The events of an answer, one by one."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.run = response.headers.get("steer-run", "")
        self._events = self._parse()

    async def _parse(self) -> AsyncGenerator[Told, None]:
        parser = SseParser()
        async for piece in self.response.aiter_bytes():
            for event in parser.feed(piece):
                yield Told(event.id, event.event, json.loads(event.data))

    async def next(self, count: int = 1) -> list[Told]:
        async with asyncio.timeout(PATIENCE):
            return [await anext(self._events) for _ in range(count)]

    async def rest(self) -> list[Told]:
        async with asyncio.timeout(PATIENCE):
            return [told async for told in self._events]

    async def aclose(self) -> None:
        async with aclosing(self._events):
            await self.response.aclose()


def events_in(body: bytes) -> list[Told]:
    parser = SseParser()
    events = [Told(event.id, event.event, json.loads(event.data)) for event in parser.feed(body)]
    parser.finish()
    return events


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def client_of(url: str = "") -> httpx.AsyncClient:
    """A client that reads no certificates: no address here is a secure one, and reading them takes longest."""
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits, verify=False)


@asynccontextmanager
async def gateway(engine: Engine, **settings: Any) -> AsyncIterator[Gateway]:
    """A server on a free port of this machine; its limit is out of the way unless one is named."""
    made = ServeSettings(**{"port": 0, "rate_limit": "100000/minute", **settings})
    async with running(engine, made) as url, client_of(url) as client:
        yield Gateway(url, client)


async def until(holds: Any) -> None:
    """Return once it holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110  # what is waited for is the server's own
            await asyncio.sleep(0.005)


async def raw(port: int, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Bytes sent as they are, and the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    return reader, writer


def raw_post(body: bytes, *headers: str, path: str = "/api/generate", length: bool = True) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def read_status(reader: asyncio.StreamReader) -> int:
    async with asyncio.timeout(PATIENCE):
        return int((await reader.readline()).split()[1])
