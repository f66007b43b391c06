"""Vector files become features that act where they say, with the same dose a notch on every model."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from engines.vectors_on_disk import LAYERS, SHAPE, WIDTH, found, norm_at, one, row, vector_file
from hypothesis import given, settings
from hypothesis import strategies as st

from steer_tui.domain import (
    Dial,
    Feature,
    FeatureKind,
    Malformed,
    NotFound,
    Rejected,
    SteerError,
    Unreachable,
    Unsupported,
)
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.directions.model_shape import ModelShape
from steer_tui.engines.directions.places import SUFFIXES, is_written_as_path
from steer_tui.vectors.formats.pickles import PICKLES


async def test_a_file_is_a_feature_whose_notch_is_a_dose_of_four_hundredths(tmp_path: Path) -> None:
    path = vector_file(tmp_path / "happy.json", {4: 3 * row(1)})
    directions = Directions()
    feature = await one(directions, f"  {path} ")

    assert (feature.id, feature.label, feature.kind) == (str(path), "happy", FeatureKind.VECTOR)
    assert (feature.unit, feature.residual_norm) == (pytest.approx(0.04 * 90), pytest.approx(90.0))
    assert feature.unit_origin == "0.04 × the mean residual norm at layer 4"
    assert Dial(feature, 5.0).dose == pytest.approx(0.2)
    (push,) = directions.pushes(feature)
    assert push.layer == 4
    assert np.allclose(push.values, row(1) / np.linalg.norm(row(1)), atol=1e-6)
    assert push.values.dtype == np.float32


@pytest.mark.parametrize("width", [10**13, (1 << 20) + 1, 0])
async def test_a_width_that_no_model_has_is_malformed(width: int) -> None:
    with pytest.raises(Malformed, match="which no model is"):
        await found(Directions(), "random-7/layer-3", ModelShape("m", width, LAYERS))


async def test_a_name_within_names_is_read_to_any_depth(tmp_path: Path) -> None:
    directions = Directions()
    random = await one(directions, f"random-7/{vector_file(tmp_path / 'happy.json', {4: row(1)})}")
    assert await one(directions, "random-7/" * 5000 + "happy") == random
    with pytest.raises(NotFound):
        await found(directions, "random-7/" * 5000 + "./nothing.npz")


async def test_a_file_of_several_layers_is_one_feature_whose_dose_is_that_of_all_together(tmp_path: Path) -> None:
    rows = {1: row(1), 2: 4 * row(2) / np.linalg.norm(row(2)), 5: row(3) / np.linalg.norm(row(3))}
    path = vector_file(tmp_path / "control.json", rows)
    directions = Directions()
    feature = await one(directions, str(path))
    pushes = directions.pushes(feature)

    assert [push.layer for push in pushes] == [1, 2, 5]
    lengths = [float(np.linalg.norm(push.values)) for push in pushes]
    assert max(lengths) == pytest.approx(1.0)
    assert lengths[2] == pytest.approx(0.25)
    sizes = [length / norm for length, norm in zip(lengths, [60.0, 70.0, 100.0], strict=True)]
    assert feature.residual_norm == pytest.approx(1 / sum(sizes))
    assert Dial(feature, 5.0).dose == pytest.approx(0.2)
    assert feature.unit_origin == "0.04 × the mean residual norm, over its 3 layers together"
    assert (directions.reading(feature).layer, feature.id) == (2, str(path))


async def test_one_layer_of_several_can_be_named(tmp_path: Path) -> None:
    path = vector_file(tmp_path / "control.json", {1: row(1), 2: row(2)})
    directions = Directions()
    feature = await one(directions, f"{path}@2")
    assert (feature.id, feature.label) == (f"{path}@2", "control@2")
    assert [push.layer for push in directions.pushes(feature)] == [2]
    asked = Directions(layer=1)
    assert (await one(asked, str(path))).id == f"{path}@1"
    assert (await one(asked, f"{path}@2")).id == f"{path}@2"
    with pytest.raises(Rejected, match=r"control.json has no vector for layer 3") as caught:
        await found(directions, f"{path}@3")
    assert caught.value.hint == "It has one for each of: 1, 2."


async def test_a_file_that_does_not_say_acts_where_it_is_told(tmp_path: Path) -> None:
    path = vector_file(tmp_path / "plain.json", row(1))
    with pytest.raises(Rejected, match=r"plain.json does not say at which layer it acts") as caught:
        await found(Directions(), str(path))
    assert "plain.json@14" in caught.value.hint
    assert (await one(Directions(layer=3), str(path))).id == f"{path}@3"
    directions = Directions(layer=3)
    feature = await one(directions, f"{path}@-1")
    assert (feature.label, feature.residual_norm) == ("plain@-1", pytest.approx(40.0))
    assert [push.layer for push in directions.pushes(feature)] == [-1]


async def test_a_layer_behind_a_name_that_contradicts_the_file_is_told(tmp_path: Path) -> None:
    path = vector_file(tmp_path / "happy.json", {4: row(1)})
    assert (await one(Directions(), f"{path}@4")).id == str(path)
    for directions in (Directions(), Directions(layer=5)):
        with pytest.raises(Rejected, match=r"happy.json acts at layer 4, and layer 5 was asked for"):
            await found(directions, f"{path}@5")


async def test_a_layer_for_all_leaves_a_file_the_one_that_it_names(tmp_path: Path) -> None:
    path = vector_file(tmp_path / "happy.json", {4: row(1)})
    directions = Directions(layer=5)
    feature = await one(directions, str(path))
    assert (feature.id, [push.layer for push in directions.pushes(feature)]) == (str(path), [4])


@pytest.mark.parametrize("layer", [LAYERS, 400])
async def test_a_layer_that_the_model_does_not_have_is_told(tmp_path: Path, layer: int) -> None:
    path = vector_file(tmp_path / "happy.json", {layer: row(1)})
    with pytest.raises(Rejected, match=rf"happy.json acts at layer {layer}, and tiny-llama has the layers 0 to 5"):
        await found(Directions(), str(path))
    assert await Directions().find(str(path), ModelShape("any", WIDTH, None), norm_at)


async def test_a_vector_of_another_width_is_told(tmp_path: Path) -> None:
    path = vector_file(tmp_path / "happy.json", {1: row(1, 12)})
    with pytest.raises(Rejected, match=r"happy.json is a vector of 12 numbers, and tiny-llama is 8 wide") as caught:
        await found(Directions(), str(path))
    assert caught.value.code == "rejected"
    assert await Directions().find(str(path), ModelShape("any", None, None), norm_at)


async def test_where_no_norm_can_be_measured_the_unit_is_ten_and_says_so(tmp_path: Path) -> None:
    async def only_at_1(layer: int) -> float | None:
        return 60.0 if layer == 1 else None

    path = vector_file(tmp_path / "control.json", {1: row(1), 2: row(2)})
    (feature,) = await Directions().find(str(path), SHAPE, only_at_1)
    assert (feature.unit, feature.residual_norm) == (10.0, None)
    assert feature.unit_origin == "10, since the residual norm cannot be measured here"


async def test_a_server_that_is_lost_while_norms_are_asked_for_is_that_error(tmp_path: Path) -> None:
    async def lost(layer: int) -> float | None:
        raise Unreachable(f"lost at {layer}")

    path = vector_file(tmp_path / "control.json", {1: row(1), 2: row(2)})
    with pytest.raises(Unreachable):
        await Directions().find(str(path), SHAPE, lost)


async def test_a_vector_is_read_as_the_projection_on_it(tmp_path: Path) -> None:
    directions = Directions()
    read = directions.reading(await one(directions, str(vector_file(tmp_path / "happy.json", {4: 3 * row(1)}))))
    assert (read.layer, read.encoder.bias, read.encoder.threshold) == (4, 0.0, -np.inf)
    assert np.allclose(read.encoder.values, row(1) / np.linalg.norm(row(1)), atol=1e-6)


async def test_nothing_is_offered_before_anything_is_named() -> None:
    assert await found(Directions(), "") == ()
    assert await found(Directions(), "happy") == ()
    assert await found(Directions(), "and or") == ()


@pytest.mark.parametrize("name", ["./happy.json", "gone/happy.gguf", "~/no such/happy", "x.json@4", "sae#4", "/"])
async def test_a_path_to_nothing_is_told(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound):
        await found(Directions(), name)


@pytest.mark.parametrize("name", ["a" * 5000 + ".json", "a\x00b.json", "~nobody-at-all/x.json", "a\x1b[31m/x"])
async def test_a_path_that_cannot_be_is_told_as_one_safe_line(name: str) -> None:
    with pytest.raises(NotFound, match="There is no file or folder") as caught:
        await found(Directions(), name)
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()


pieces = st.sampled_from(["~", "/", "..", ".", "@3", "#4", "random-7/", "happy", ".json", " "])


@settings(deadline=None, max_examples=60)
@given(st.text() | st.lists(pieces).map("".join))
async def test_whatever_is_typed_finds_something_or_says_what_is_wrong(text: str) -> None:
    with suppress(SteerError):
        assert await found(Directions(), text) == ()


async def test_what_was_named_is_offered_from_then_on_and_found_by_words(tmp_path: Path) -> None:
    directions = Directions()
    happy = await one(directions, str(vector_file(tmp_path / "very happy.json", {4: row(1)})))
    sad = await one(directions, str(vector_file(tmp_path / "sad.json", {4: row(2)})))
    happier = await one(directions, str(vector_file(tmp_path / "happy.json", {4: row(3)})))
    assert await found(directions, "") == (happy, sad, happier)
    assert await found(directions, "HAPPY") == (happier, happy)
    assert await found(directions, "happy very") == (happy,)
    assert await found(directions, "cheerful") == ()
    assert await directions.find("", SHAPE, norm_at, 2) == (happy, sad)


async def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    directions = Directions()
    paths = [tmp_path / "a" / "happy.json", tmp_path / "b" / "Happy.json", tmp_path / "b" / "happy.svec"]
    for path in paths[:2]:
        vector_file(path, {4: row(1)})
    paths[2].write_text('{"directions": {"4": [[1, 2, 3, 4, 5, 6, 7, 8]]}}')
    labels = [(await one(directions, str(path))).label for path in paths]
    assert labels == ["happy", "Happy (b/Happy.json)", "happy (b/happy.svec)"]
    assert [(await one(directions, str(path))).label for path in paths] == labels
    assert [feature.label for feature in await found(directions, "happy (b/happy.svec)")] == ["happy (b/happy.svec)"]


async def test_a_label_is_one_line_that_is_not_empty(tmp_path: Path) -> None:
    directions = Directions()
    odd = await one(directions, str(vector_file(tmp_path / "two\nlines\tand  more.json", {4: row(1)})))
    blank = await one(directions, str(vector_file(tmp_path / "\u2003.json", {4: row(1)})))
    assert (odd.label, blank.label) == ("two lines and more", "vector")


async def test_a_name_that_itself_holds_the_marks_is_that_file(tmp_path: Path) -> None:
    directions = Directions()
    for name in ["run@3", "run#2", "run.json@4"]:
        assert (await one(directions, str(vector_file(tmp_path / f"{name}.json", {4: row(1)})))).label == name
    assert (await one(directions, f"{tmp_path}/run#2.json@4")).label == "run#2"
    (tmp_path / "run.json@4").write_text("[]")
    with pytest.raises(Exception, match="run.json@4"):
        await found(directions, f"{tmp_path}/run.json@4")


async def test_a_feature_that_was_never_found_here_is_not_open() -> None:
    feature = Feature("/x/happy.json", "happy", 1.0)
    for ask in (Directions().pushes, Directions().reading, lambda like: Directions().random_direction(like, 1)):
        with pytest.raises(NotFound, match="'happy' is not open here"):
            ask(feature)


async def test_a_random_direction_acts_where_its_like_acts_with_the_same_dose(tmp_path: Path) -> None:
    directions = Directions()
    like = await one(directions, str(vector_file(tmp_path / "control.json", {1: row(1), 2: 4 * row(2)})))
    random = directions.random_direction(like, 7)
    assert (random.id, random.label) == (f"random-7/{like.id}", "random direction 7 at control")
    assert (random.unit, random.residual_norm, random.kind) == (like.unit, like.residual_norm, FeatureKind.RANDOM)
    drawn, known = directions.pushes(random), directions.pushes(like)
    assert [push.layer for push in drawn] == [1, 2]
    assert [np.linalg.norm(push.values) for push in drawn] == pytest.approx(
        [np.linalg.norm(push.values) for push in known]
    )
    again, other = directions.random_direction(random, 7), directions.random_direction(random, 8)
    assert again == random
    assert all(np.array_equal(a.values, b.values) for a, b in zip(drawn, directions.pushes(again), strict=True))
    assert not np.allclose(directions.pushes(other)[1].values, drawn[1].values)
    assert directions.reading(random).layer == 2


async def test_a_random_direction_is_found_by_its_name(tmp_path: Path) -> None:
    path = vector_file(tmp_path / "happy.json", {1: row(1)})
    directions = Directions()
    random = await one(directions, f"random-7/{path}")
    assert random == directions.random_direction(await one(directions, str(path)), 7)
    assert await one(directions, "random-7/happy") == random
    assert await one(directions, f"random-7/random-3/{path}") == random
    with pytest.raises(Rejected, match="seed"):
        await found(directions, f"random-9999999999/{path}")


async def test_a_layer_alone_has_random_directions_too() -> None:
    directions = Directions()
    random = await directions.random_at(3, 7, SHAPE, norm_at)
    assert (random.id, random.unit) == ("random-7/layer-3", pytest.approx(3.2))
    (push,) = directions.pushes(random)
    assert (push.layer, float(np.linalg.norm(push.values))) == (3, pytest.approx(1.0))
    assert await one(directions, "random-7/layer-3") == random
    assert await found(directions, "") == ()
    assert await found(directions, "layer") == ()
    with pytest.raises(Rejected, match="A random direction acts at layer 6"):
        await directions.random_at(6, 7, SHAPE, norm_at)
    with pytest.raises(Unsupported, match="How wide any is"):
        await directions.random_at(3, 7, ModelShape("any", None, None), norm_at)


async def test_the_same_seed_gives_the_same_numbers_in_every_version() -> None:
    directions = Directions()
    (push,) = directions.pushes(await directions.random_at(3, 7, SHAPE, norm_at))
    assert push.values[:3] == pytest.approx([0.6415, -0.1768, 0.0125], abs=1e-4)


def test_what_is_refused_with_a_reason_is_a_file_too() -> None:
    assert set(SUFFIXES) >= PICKLES
    assert is_written_as_path("happy.joblib")
