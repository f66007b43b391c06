"""What is open stays what it is: paths from the start, files that change, and a server with another model."""

from pathlib import Path

import pytest
from engines.vectors_on_disk import LAYERS, SHAPE, WIDTH, found, one, row, vector_file

from steer_tui.domain import (
    NotFound,
    Rejected,
    SteerError,
)
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.directions.model_shape import ModelShape


async def test_the_first_paths_are_offered_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    names = ("~/happy.json", "plain.json@3")
    vector_file(tmp_path / "happy.json", {4: row(1)})
    vector_file(tmp_path / "plain.json", row(2))
    assert [feature.label for feature in await found(Directions(names), "")] == ["happy", "plain@3"]
    assert [feature.label for feature in await found(Directions(names), "plain")] == ["plain@3"]


async def test_first_paths_for_another_model_are_left_out_as_long_as_one_fits(tmp_path: Path) -> None:
    wide = str(vector_file(tmp_path / "wide.json", {1: row(1, 12)}))
    happy = str(vector_file(tmp_path / "happy.json", {1: row(1)}))
    assert [feature.label for feature in await found(Directions((wide, happy)), "")] == ["happy"]
    with pytest.raises(Rejected, match=r"wide\.json is a vector of 12"):
        await found(Directions((wide,)), "")


async def test_a_first_path_that_is_not_there_is_told_until_it_is(tmp_path: Path) -> None:
    directions = Directions((str(tmp_path / "happy.json"),))
    with pytest.raises(NotFound, match=r"happy.json, which is among the paths of"):
        await found(directions, "")
    vector_file(tmp_path / "happy.json", {1: row(1)})
    assert [feature.label for feature in await found(directions, "")] == ["happy"]


async def test_a_first_path_that_is_not_there_hides_no_other_one(tmp_path: Path) -> None:
    happy = str(vector_file(tmp_path / "happy.json", {1: row(1)}))
    (tmp_path / "torch.pt").write_bytes(b"")
    (tmp_path / "half.json").write_text("[1, 2")
    faulty = [str(tmp_path / name) for name in ("gone.gguf", "torch.pt", "half.json")]
    directions = Directions((*faulty, happy))
    assert directions.warning is None
    assert [feature.label for feature in await found(directions, "")] == ["happy"]
    assert [feature.label for feature in await found(directions, "happy")] == ["happy"]
    assert await found(directions, "something else") == ()
    for name, says in (("Gone", "There is no file or folder .*gone.gguf"), ("torch", "pickle"), ("half", "not JSON")):
        with pytest.raises(SteerError, match=says):
            await found(directions, name)
    assert directions.warning is not None
    assert all(name in directions.warning for name in faulty)
    vector_file(tmp_path / "gone.gguf", {1: row(1)})
    await found(directions, "")
    assert "There is no file" not in (directions.warning or "")


async def test_a_first_path_for_another_model_is_no_fault(tmp_path: Path) -> None:
    wide, happy = (
        vector_file(tmp_path / "wide.json", {1: row(1, 12)}),
        vector_file(tmp_path / "happy.json", {1: row(1)}),
    )
    directions = Directions((str(wide), str(happy)))
    await found(directions, "")
    assert directions.warning is None


async def test_what_is_open_stays_as_it_was_read_until_its_path_is_named_again(tmp_path: Path) -> None:
    path = vector_file(tmp_path / "happy.json", {4: row(1)})
    directions = Directions()
    feature = await one(directions, str(path))
    before = directions.pushes(feature)
    vector_file(path, {3: row(2)})
    assert await found(directions, "happy") == (feature,)
    assert directions.pushes(feature) == before
    assert (await one(directions, str(path))).residual_norm == pytest.approx(80.0)
    path.unlink()
    assert [known.id for known in await found(directions, str(path))] == [str(path)]


async def test_a_dial_whose_unit_is_that_of_other_numbers_is_to_be_added_anew(tmp_path: Path) -> None:
    path = vector_file(tmp_path / "happy.json", {4: row(1)})
    directions = Directions()
    feature = await one(directions, str(path))
    random = directions.random_direction(feature, 7)
    assert await one(directions, str(path)) == feature
    assert directions.pushes(feature)
    vector_file(path, {3: row(2)})
    anew = await one(directions, str(path))
    for stale in (feature, random):
        for ask in (directions.pushes, directions.reading):
            with pytest.raises(Rejected, match="has changed since it was added") as changed:
                ask(stale)
            assert changed.value.hint == "Add it anew."
    assert [push.layer for push in directions.pushes(anew)] == [3]
    assert directions.pushes(directions.random_direction(anew, 7))


async def test_a_dial_whose_unit_is_that_of_another_model_is_to_be_added_anew(tmp_path: Path) -> None:
    path = vector_file(tmp_path / "happy.json", {4: row(1)})
    directions = Directions()
    feature = await one(directions, str(path))
    random = directions.random_direction(feature, 7)
    other = ModelShape("another-llama", WIDTH, LAYERS)
    directions.meet(other)
    for stale in (feature, random):
        with pytest.raises(Rejected, match="was added for another model"):
            directions.pushes(stale)

    async def twice(layer: int) -> float:
        return 2 * (50.0 + 10.0 * layer)

    (anew,) = await directions.find(str(path), other, twice)
    assert (anew.unit, len(directions.pushes(anew))) == (pytest.approx(2 * feature.unit), 1)
    directions.meet(SHAPE)
    assert directions.pushes(feature)
