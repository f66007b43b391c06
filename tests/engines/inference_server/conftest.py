from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from engines.inference_server.box import Box

from steer_tui.engines.inference_server import InferenceServer

Open = Callable[..., Awaitable[InferenceServer]]


@pytest.fixture
async def open_at() -> AsyncGenerator[Open, None]:
    """Start a box and give the engine for it; both end with their test."""
    opened: list[tuple[Box, InferenceServer]] = []

    async def begin(box: Box, **options: Any) -> InferenceServer:
        await box.server.__aenter__()
        opened.append((box, InferenceServer(box.server.url, **options)))
        return opened[-1][1]

    yield begin
    for box, engine in opened:
        await engine.aclose()
        await box.server.__aexit__(None)
