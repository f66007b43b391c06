"""The door: what an engine is, and how one is opened by name."""

import pytest
from scripted_engine import FEATURES, ScriptedEngine

from steer_tui.domain import Method, NotFound
from steer_tui.engines import (
    ENGINE_NAMES,
    Engine,
    EngineInfo,
    LanePolicy,
    LiveDials,
    Rereads,
    Resumes,
    Windows,
    open_engine,
)


def test_an_engine_says_little_more_than_its_name_unless_it_can_more() -> None:
    info = EngineInfo("any", "model")
    assert info.methods == (Method.ADDITIVE,)
    assert info.lanes is LanePolicy.PARALLEL
    assert info.quota is info.context is None


def test_what_only_some_engines_can_do_is_asked_of_the_engine_itself() -> None:
    engine: Engine = ScriptedEngine()
    assert not isinstance(engine, Windows | LiveDials | Rereads | Resumes)


async def test_the_scripted_engine_offers_its_features_by_label() -> None:
    engine: Engine = ScriptedEngine()
    assert list(await engine.find_features("")) == list(FEATURES)
    assert list(await engine.find_features("Sea")) == [FEATURES[1]]
    assert len(await engine.find_features("", 2)) == 2


def test_the_names_are_those_that_can_be_opened() -> None:
    assert "builtin" in ENGINE_NAMES
    assert len(set(ENGINE_NAMES)) == len(ENGINE_NAMES)


def test_a_name_that_nobody_knows_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(NotFound, match=r"^There is no engine 'bultin'\.$") as raised:
        open_engine("bultin")
    assert raised.value.hint == f"Choose one of: {', '.join(ENGINE_NAMES)}."
