"""Engines are opened by name, with plain values."""

import subprocess
import sys

import pytest
from pydantic import SecretStr

from steer_tui.domain import Unsupported
from steer_tui.engines import open_engine
from steer_tui.engines.registry import FILE_ENGINES, EngineSettings
from steer_tui.engines.services import Loads


@pytest.mark.parametrize("name", ["neuronpedia", "inference-server", *FILE_ENGINES])
async def test_a_service_is_opened_without_asking_it_anything(name):
    engine = open_engine(name, EngineSettings("gemma-2-2b", "http://127.0.0.1:1", SecretStr("k")))
    assert (engine.info.name, engine.info.model) == (name, "gemma-2-2b")
    await engine.aclose()


@pytest.mark.parametrize("name", ["neuronpedia", "inference-server", *FILE_ENGINES])
def test_a_service_without_an_address_says_what_it_needs(name):
    with pytest.raises(Unsupported, match="needs an address"):
        open_engine(name)


async def test_a_model_of_ones_own_is_served_only_once_it_is_needed():
    engine = open_engine("interp", EngineSettings("some/model"))
    assert isinstance(engine, Loads)
    assert engine.loading is None
    await engine.aclose()


def test_an_engine_that_steers_by_files_is_opened_without_the_libraries_that_read_them():
    program = """
import sys
from steer_tui.engines.registry import *
for name in FILE_ENGINES:
    open_engine(name, EngineSettings(url="http://127.0.0.1:1"))
    print(name, *{"torch", "transformers", "safetensors", "gguf", "interp_engine"} & set(sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == list(FILE_ENGINES)


def test_the_key_is_not_shown_by_what_holds_it():
    assert "secret-word" not in repr(EngineSettings(key=SecretStr("secret-word")))
