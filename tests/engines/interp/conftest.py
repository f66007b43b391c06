from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines.interp.box import Box
from pydantic import SecretStr

from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.interp import Interp
from steer_tui.engines.interp.serving.server import ServerAddress
from steer_tui.engines.services import Loading

Open = Callable[..., Awaitable[Interp]]


@dataclass
class Running:
    """A server that runs already, as a `Server`."""

    url: str
    token: str | None = None
    loading: Loading | None = None
    is_closed: bool = False
    looks: int = 0

    async def address(self) -> ServerAddress:
        self.looks += 1
        return ServerAddress(self.url, None if self.token is None else SecretStr(self.token))

    async def aclose(self) -> None:
        self.is_closed = True


@pytest.fixture
async def open_at() -> AsyncGenerator[Open, None]:
    """Start a box and give the engine for it; both end with their test."""
    opened: list[tuple[Box, Interp]] = []

    async def begin(box: Box, token: str | None = None, layer: int | None = None, **options: Any) -> Interp:
        await box.server.__aenter__()
        settings = {"with_canary": False, "directions": Directions(layer=layer)} | options
        opened.append((box, Interp(Running(box.server.url, token), **settings)))
        return opened[-1][1]

    yield begin
    for box, engine in opened:
        await engine.aclose()
        await box.server.__aexit__(None)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Norms that a test measures are kept where no other test finds them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def kept_norms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where norms are kept from one test to the next: those of the box's model are always the same."""
    return tmp_path_factory.mktemp("norms")


@pytest.fixture
def norms_are_known(_own_cache: None, kept_norms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The norms are measured by the first test that asks for them: for tests of something else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(kept_norms))


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """A folder with vector files and an SAE, for the box's model."""
    np.savez(tmp_path / "calm.npz", **{"layer.1": np.array([0, 3, 4, 0], np.float32)})
    np.savez(tmp_path / "warm.npz", **{"layer.1": np.array([2, 0, 0, 0], np.float32)})
    np.savez(tmp_path / "both.npz", **{f"layer.{at}": np.array([0, 0, 0, at + 1], np.float32) for at in (0, 2)})
    np.savez(tmp_path / "start.npz", embedding=np.array([0, 0, 0, 1], np.float32))
    np.savez(tmp_path / "wide.npz", **{"layer.1": np.ones(5, np.float32)})
    folder = tmp_path / "layer_1" / "width_2"
    folder.mkdir(parents=True)
    encoder = np.array([[1, 0], [0, 0], [0, 0], [0, 1]], np.float32)
    np.savez(
        folder / "params.npz",
        W_enc=encoder,
        W_dec=encoder.T,
        b_enc=np.array([0.5, 0], np.float32),
        b_dec=np.zeros(4, np.float32),
        threshold=np.array([3, 0], np.float32),
    )
    return tmp_path
