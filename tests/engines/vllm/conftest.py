from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from engines.vllm.box import EASY, LENS, Box

from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.vllm import EasySteer, VllmLens

Open = Callable[..., Awaitable[Any]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where residual norms are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(params=[LENS, EASY])
def kind(request: pytest.FixtureRequest) -> str:
    """Which of the two servers."""
    return request.param


@pytest.fixture
async def open_at() -> AsyncGenerator[Open, None]:
    """Start a box and give the engine for it, without a canary unless one is asked for; both end with their test."""
    opened: list[tuple[Box, Any]] = []

    async def begin(box: Box, paths: tuple[str, ...] = (), **options: Any) -> Any:
        await box.server.__aenter__()
        engine = {LENS: VllmLens, EASY: EasySteer}[box.kind]
        options = {"directions": Directions(paths), "with_canary": False, **options}
        opened.append((box, engine(box.server.url, **options)))
        return opened[-1][1]

    yield begin
    for box, engine in opened:
        await engine.aclose()
        await box.server.__aexit__(None)
