from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import SecretStr

from steer_tui.engines import Engine
from steer_tui.engines.gateway import Gateway
from steer_tui.server.serving import running
from steer_tui.server.settings import ServeSettings

Serve = Callable[..., Awaitable[str]]
Open = Callable[..., Gateway]


@pytest.fixture
async def closing() -> AsyncGenerator[AsyncExitStack, None]:
    """What ends with the test, the last first."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def serve(closing: AsyncExitStack) -> Serve:
    """Start the real server in front of an engine, and give its address."""

    async def begin(engine: Engine, **settings: Any) -> str:
        chosen = {"port": 0, "rate_limit": "1000/minute", **settings}
        return await closing.enter_async_context(running(engine, ServeSettings(**chosen)))

    return begin


@pytest.fixture
def open_at(closing: AsyncExitStack) -> Open:
    """The engine for an address."""

    def begin(url: str, key: str | None = None) -> Gateway:
        engine = Gateway(url, key=None if key is None else SecretStr(key))
        closing.push_async_callback(engine.aclose)
        return engine

    return begin
