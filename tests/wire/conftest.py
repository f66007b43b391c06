from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

import httpx
import pytest
from loopback import Handler, Loopback

from steer_tui.wire import connect


@pytest.fixture
async def serve() -> AsyncGenerator[Callable[..., Awaitable[tuple[Loopback, httpx.AsyncClient]]], None]:
    """Start a server whose only handler answers `GET /asked`, and a client for it; both end with their test."""
    opened: list[tuple[Loopback, httpx.AsyncClient]] = []

    async def begin(handler: Handler, headers: Mapping[str, str] | None = None) -> tuple[Loopback, httpx.AsyncClient]:
        server = await Loopback({"GET /asked": handler, "POST /asked": handler}).__aenter__()
        client = await connect(server.url, headers)
        opened.append((server, client))
        return server, client

    yield begin
    for server, client in opened:
        await client.aclose()
        await server.__aexit__(None)
