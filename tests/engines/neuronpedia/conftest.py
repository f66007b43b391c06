from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from engines.neuronpedia.serving import MODEL, Serve
from loopback import Handler, Loopback

from steer_tui.engines.neuronpedia import HostedNeuronpedia


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Start a service with these handlers and an engine for it; both end with their test."""
    opened: list[tuple[Loopback, HostedNeuronpedia]] = []

    async def begin(
        routes: dict[str, Handler], model: str = MODEL, **options: Any
    ) -> tuple[Loopback, HostedNeuronpedia]:
        server = await Loopback(routes).__aenter__()
        options = {"answers": tmp_path / "answers", "replay_pace_ms": 0, **options}
        engine = HostedNeuronpedia(model, url=server.url, **options)
        opened.append((server, engine))
        return server, engine

    yield begin
    for server, engine in opened:
        await engine.aclose()
        await server.__aexit__(None)
