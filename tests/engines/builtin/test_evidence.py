import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from engines.builtin.tiny import NAME

from steer_tui.domain import Context, CurvePoint, Evidence, Malformed, NotFound, Telltale
from steer_tui.engines import Explains
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.engines.builtin.evidence import read_evidence

GOOD = {"contexts": [{"tokens": ["a"], "activations": [1]}], "curve": [{"value": 1, "share": 0.5, "nats": 1}]}


@pytest.fixture
def copy(weights: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(weights, tmp_path / "weights"))


def written(folder: Path, entry: Any) -> Path:
    (folder / "evidence.json").write_text(json.dumps({f"{NAME}/2-sae/3": entry}))
    return folder


async def test_the_evidence_of_a_feature_is_told(engine: BuiltinEngine) -> None:
    assert isinstance(engine, Explains)
    winter, sea, music = [(await engine.find_features(label))[0] for label in ("winter", "sea", "music")]
    assert await engine.evidence(winter) == Evidence(
        (Context(("The", " snow", "."), (0.0, 9.5, 0.25)),),
        (CurvePoint(-6.0, 0.02, 1.1), CurvePoint(6.0, 0.9, 1.3, 0.03)),
        Telltale(frozenset({"snow", "ice"})),
    )
    assert (await engine.evidence(sea)).telltale == Telltale(mark="?", least=2)
    assert await engine.evidence(music) == Evidence()


async def test_a_feature_without_an_entry_has_no_evidence(engine: BuiltinEngine) -> None:
    [unlabelled] = await engine.find_features(f"{NAME}/2-sae/17")
    for feature in (unlabelled, engine.random_direction(unlabelled, 3)):
        assert await engine.evidence(feature) == Evidence()


async def test_the_file_is_read_when_it_is_first_asked_for(copy: Path) -> None:
    (copy / "evidence.json").unlink()
    engine = BuiltinEngine(copy)
    [winter] = await engine.find_features("winter", 1)
    await engine.prepare()
    with pytest.raises(NotFound, match=r"evidence\.json"):
        await engine.evidence(winter)
    written(copy, {})
    assert await engine.evidence(winter) == Evidence()
    await engine.aclose()


async def test_reading_the_file_leaves_the_event_loop_running(copy: Path) -> None:
    context = {"tokens": ["word"] * 100, "activations": [0.5] * 100}
    engine = BuiltinEngine(written(copy, {"contexts": [context] * 3_000}))
    [winter] = await engine.find_features("winter", 1)
    asking, turns = asyncio.create_task(engine.evidence(winter)), 0
    while not asking.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 3
    assert len(asking.result().contexts) == 3_000
    await engine.aclose()


@pytest.mark.parametrize(
    "entry",
    [
        3,
        [],
        {"contexts": [{"tokens": ["a", "b"], "activations": [1]}]},
        {"contexts": [{"tokens": "ab", "activations": [1, 2]}]},
        {"contexts": [{"tokens": ["a"]}]},
        {"contexts": [{"tokens": [1], "activations": [1]}]},
        {"contexts": [{"tokens": ["a"], "activations": [float("nan")]}]},
        {"curve": [{"value": 1, "share": 1.5, "nats": 1}]},
        {"curve": [{"value": float("inf"), "share": 0.5, "nats": 1}]},
        {"curve": [{"value": 1, "nats": 1}]},
        {"curve": [{"value": 1, "share": 0.5, "nats": 1, "randomShare": "much"}]},
        {"telltale": {"words": "snow"}},
        {"telltale": {}},
        {"telltale": {"mark": ""}},
        {"telltale": {"mark": "?", "least": 0}},
        {"telltale": "snow"},
    ],
)
def test_an_entry_that_is_not_in_the_format_is_refused(copy: Path, entry: Any) -> None:
    read_evidence(written(copy, GOOD))
    with pytest.raises(Malformed, match=r"evidence\.json"):
        read_evidence(written(copy, entry))
