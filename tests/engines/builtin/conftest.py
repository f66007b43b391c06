from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from engines.builtin.tiny import write_weights

from steer_tui.engines.builtin import BuiltinEngine


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
async def engine(weights: Path) -> AsyncIterator[BuiltinEngine]:
    engine = BuiltinEngine(weights)
    yield engine
    await engine.aclose()
