"""One real server for all tests, and our engine before it."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cli.conftest import CommandLine, CommandLineHere

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import numpy as np
    from local.reference import Reference
    from numpy.typing import NDArray

    from steer_tui.engines.interp import Interp
    from steer_tui.engines.interp.serving.server import ServerAddress


@pytest.fixture
def steer(tmp_path: Path) -> CommandLine:
    """`steer-tui` in a process of its own."""
    return CommandLine(tmp_path)


@pytest.fixture
def steer_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CommandLineHere:
    """`steer-tui` in this process."""
    return CommandLineHere(tmp_path, monkeypatch, capfd)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny model."""
    from local.tiny_model import build

    return build(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def reference(model: Path) -> "Reference":
    """The same model, computed in this process."""
    from local.reference import Reference

    return Reference(model)


@pytest.fixture(scope="session")
def address(model: Path) -> "Iterator[ServerAddress]":
    """The server that most tests share."""
    from local.serving import serving

    with serving(model) as where:
        yield where


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured is measured for this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
async def connect(address: "ServerAddress", model: Path) -> "AsyncIterator[Callable[..., Interp]]":
    """Makes engines for the shared server, which end with the test."""
    from steer_tui.engines.directions.directions import Directions
    from steer_tui.engines.interp import Interp
    from steer_tui.engines.interp.serving.remote import Remote

    async with AsyncExitStack() as engines:

        def make(*paths: Path, layer: int | None = None, **options: Any) -> Interp:
            settings = {"with_canary": False, "tokenizer": model, **options}
            server = Remote(address.url, settings.pop("key", address.token))
            engine = Interp(server, directions=Directions(tuple(map(str, paths)), layer=layer), **settings)
            engines.push_async_callback(engine.aclose)
            return engine

        yield make


@pytest.fixture
def save(tmp_path: Path) -> "Callable[..., Path]":
    """Writes arrays into a file that a dial can name."""
    import numpy as np

    def write(name: str, **arrays: "NDArray[np.float32]") -> Path:
        path = tmp_path / f"{name}.npz"
        np.savez(path, **{key.replace("_", "."): values for key, values in arrays.items()})
        return path

    return write
