"""Engines are opened by name, with plain values."""

import pytest
from pydantic import SecretStr

from steer_tui.domain import Unsupported
from steer_tui.engines import open_engine
from steer_tui.engines.registry import EngineSettings


@pytest.mark.parametrize("name", ["neuronpedia", "inference-server"])
async def test_a_service_is_opened_without_asking_it_anything(name):
    engine = open_engine(name, EngineSettings("gemma-2-2b", "http://127.0.0.1:1", SecretStr("k")))
    assert (engine.info.name, engine.info.model) == (name, "gemma-2-2b")
    await engine.aclose()


@pytest.mark.parametrize("name", ["neuronpedia", "inference-server"])
def test_a_service_without_an_address_says_what_it_needs(name):
    with pytest.raises(Unsupported, match="needs an address"):
        open_engine(name)


def test_the_key_is_not_shown_by_what_holds_it():
    assert "secret-word" not in repr(EngineSettings(key=SecretStr("secret-word")))
