"""Rows of an SAE's folder become features, with labels where a file or an earlier search has them."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from engines.vectors_on_disk import FEATURES, SHAPE, norm_at, row, sae_folder, vector_file

from steer_tui.domain import FeatureKind, NotFound, Rejected, Unsupported
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.directions.kept_labels import kept_labels, neuronpedia_answers
from steer_tui.engines.directions.model_shape import ModelShape


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "layer_3" / "width_12"


async def labels(directions: Directions, query: str) -> list[str]:
    return [feature.label for feature in await directions.find(query, SHAPE, norm_at)]


async def test_a_row_is_a_feature_with_its_own_encoder(folder: Path) -> None:
    directions = Directions()
    (feature,) = await directions.find(f"{sae_folder(folder)}#5", SHAPE, norm_at)
    assert (feature.id, feature.label, feature.kind) == (f"{folder}#5", "width_12#5", FeatureKind.SAE)
    assert feature.unit == pytest.approx(0.04 * 80)
    (push,) = directions.pushes(feature)
    assert push.layer == 3
    assert np.allclose(push.values, row(205) / np.linalg.norm(row(205)), atol=1e-6)
    read = directions.reading(feature)
    assert (read.layer, read.encoder.bias, read.encoder.threshold) == (3, pytest.approx(-0.5), pytest.approx(1.25))
    assert np.allclose(read.encoder.values, row(105))


@pytest.mark.parametrize(
    ("settings", "arrays", "says"),
    [
        ({"normalize_activations": "layer_norm"}, ("W_enc", "W_dec", "b_enc", "b_dec"), "normalized by 'layer_norm'"),
        ({}, ("W_dec", "b_dec"), "Its SAE has no encoder"),
    ],
)
async def test_a_feature_whose_encoder_is_not_read_steers_and_has_no_activations(
    tmp_path: Path, settings: dict[str, str], arrays: tuple[str, ...], says: str
) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    folder = sae_folder(tmp_path / "mine")
    with np.load(folder / "params.npz") as held:
        kept = {name: np.ascontiguousarray(held[name]) for name in arrays}
    (folder / "params.npz").unlink()
    safetensors.save_file(kept, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps({"hook_name": "blocks.3.hook_resid_post", "d_in": 8, **settings}))
    directions = Directions()
    (feature,) = await directions.find(f"{folder}#5", SHAPE, norm_at)
    assert directions.pushes(feature)
    with pytest.raises(Unsupported, match=says):
        directions.reading(feature)
    random = directions.random_direction(feature, 7)
    assert directions.reading(random).layer == 3


async def test_labels_that_have_changed_are_read_when_the_folder_is_named_again(folder: Path) -> None:
    directions = Directions()
    path = str(sae_folder(folder, {5: "sea"}))
    (sea,) = await directions.find(path, SHAPE, norm_at)
    (folder / "labels.json").write_text('{"5": "ocean"}')
    assert await labels(directions, path) == ["ocean"]
    assert directions.pushes(sea)


async def test_the_file_of_the_weights_means_its_folder(folder: Path) -> None:
    (feature,) = await Directions().find(f"{sae_folder(folder)}/params.npz#5", SHAPE, norm_at)
    assert feature.id == f"{folder}#5"


async def test_a_folder_alone_is_its_labelled_features(folder: Path) -> None:
    directions = Directions()
    assert await labels(directions, str(sae_folder(folder, {7: "winter", 2: " deep\n sea ", 4: " "}))) == [
        "deep sea",
        "winter",
    ]
    assert await labels(directions, "") == ["deep sea", "winter"]
    assert await labels(directions, f"{folder}#4") == ["width_12#4"]
    assert await labels(directions, "") == ["deep sea", "winter", "width_12#4"]


async def test_a_folder_without_labels_says_how_a_feature_is_named(folder: Path) -> None:
    with pytest.raises(NotFound, match=f"width_12 has {FEATURES} features, and no label") as caught:
        await Directions().find(str(sae_folder(folder)), SHAPE, norm_at)
    assert caught.value.hint == "Name one by its number: width_12#0 to width_12#11."
    assert await labels(Directions((str(folder),)), "") == []


async def test_all_labels_of_an_open_folder_are_searched(folder: Path) -> None:
    many = {index: f"{'odd' if index % 2 else 'even'} number {index}" for index in range(FEATURES)}
    directions = Directions((str(sae_folder(folder, many)),))
    assert await labels(directions, "odd number 1") == ["odd number 1", "odd number 11"]
    assert len(await labels(directions, "number even")) == FEATURES // 2
    (feature,) = await directions.find("even number 10", SHAPE, norm_at)
    assert directions.pushes(feature)
    assert (feature.id, await labels(directions, "nothing")) == (f"{folder}#10", [])


async def test_two_features_of_one_label_are_told_apart_by_their_numbers(folder: Path) -> None:
    directions = Directions()
    found = await labels(directions, str(sae_folder(folder, {1: "sea", 2: "Sea", 3: "sea (#1)"})))
    assert found[:2] == ["sea (#1)", "Sea (#2)"]
    assert len({label.casefold() for label in found}) == 3


async def test_features_of_one_label_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    paths = tuple(str(sae_folder(tmp_path / f"layer_{at}" / "width_12", {1: "sea"})) for at in (3, 4))
    sea, other = await labels(Directions(paths), "sea")
    assert (sea, other) == ("sea", "sea (width_12#1)")


async def test_an_index_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(NotFound, match="has no feature 12"):
        await Directions().find(f"{sae_folder(folder)}#12", SHAPE, norm_at)


async def test_a_vector_file_has_no_features_by_number(tmp_path: Path) -> None:
    path = vector_file(tmp_path / "happy.json", {1: row(1)})
    with pytest.raises(NotFound, match=r"happy.json is a file of its own"):
        await Directions().find(f"{path}#3", SHAPE, norm_at)


async def test_a_folder_without_an_sae_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "empty#3"):
        with pytest.raises(NotFound, match="holds no SAE"):
            await Directions().find(str(tmp_path / name), SHAPE, norm_at)


async def test_an_sae_that_does_not_say_acts_where_it_is_told(tmp_path: Path) -> None:
    folder = sae_folder(tmp_path / "mine", {1: "sea"})
    with pytest.raises(Rejected, match="mine#1 does not say at which layer"):
        await Directions().find(f"{folder}#1", SHAPE, norm_at)
    directions = Directions()
    (feature,) = await directions.find(f"{folder}#1@2", SHAPE, norm_at)
    assert (feature.id, feature.label) == (f"{folder}#1@2", "sea")
    assert [push.layer for push in directions.pushes(feature)] == [2]
    assert [one.id for one in await Directions(layer=4).find(str(folder), SHAPE, norm_at)] == [f"{folder}#1@4"]
    (offered,) = await Directions((f"{folder}@4",)).find("", SHAPE, norm_at)
    assert offered.id == f"{folder}#1@4"


async def test_a_layer_for_all_leaves_an_sae_its_own_and_one_behind_a_name_contradicts_it(folder: Path) -> None:
    directions = Directions(layer=2)
    (feature,) = await directions.find(f"{sae_folder(folder)}#1", SHAPE, norm_at)
    assert [push.layer for push in directions.pushes(feature)] == [3]
    with pytest.raises(Rejected, match="width_12#1 acts at layer 3, and layer 2 was asked for"):
        await Directions().find(f"{folder}#1@2", SHAPE, norm_at)


async def test_an_sae_of_another_width_is_told_and_left_out_where_others_fit(folder: Path, tmp_path: Path) -> None:
    wide = sae_folder(folder, {1: "sea"}, width=10)
    with pytest.raises(Rejected, match=r"10.*8|8.*10"):
        await Directions().find(f"{wide}#1", SHAPE, norm_at)
    happy = vector_file(tmp_path / "happy.json", {1: row(1)})
    assert await labels(Directions((str(wide), str(happy))), "") == ["happy"]
    with pytest.raises(Rejected):
        await labels(Directions((str(wide),)), "")
    assert await Directions().find(f"{wide}#1", ModelShape("any", None, None), norm_at)


async def test_a_broken_row_does_not_hide_the_others(folder: Path) -> None:
    sae_folder(folder, {1: "sea", 2: "winter"})
    with np.load(folder / "params.npz") as held:
        arrays = dict(held)
    arrays["W_dec"][1] = np.nan
    np.savez(folder / "params.npz", **arrays)
    assert await labels(Directions(), str(folder)) == ["winter"]


async def test_a_bare_word_that_is_the_folder_of_an_sae_means_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sae_folder(folder, {1: "sea"})
    (folder.parent / "notes").mkdir()
    monkeypatch.chdir(folder.parent)
    assert await labels(Directions(), "width_12") == ["sea"]
    assert await labels(Directions(), "notes") == []


async def keep(folder: Path, question: str, value: object) -> None:
    await neuronpedia_answers(folder).keep(question, value)


def told(index: int, *descriptions: str, source: str = "3-mine") -> dict[str, object]:
    explanations = [{"description": text} for text in descriptions]
    return {"modelId": "tiny", "layer": source, "index": str(index), "explanations": explanations}


async def test_labels_come_from_what_neuronpedia_has_told_before(tmp_path: Path) -> None:
    await keep(tmp_path, "a feature", told(4, "rivers"))
    await keep(tmp_path, "features", [told(5, "", "lakes"), told(6), told(7, "elsewhere", source="4-mine")])
    found = {"modelId": "tiny", "layer": "3-mine", "index": "8", "description": "seas", "neuron": told(8, "oceans")}
    await keep(tmp_path, "a search", {"results": [found, {"modelId": 3}, "x"], "hasMore": False})
    await keep(tmp_path, "odd", told(10**12, "x"))
    (tmp_path / "broken.json").write_text('{"at": 1, "answer": {"3-mine')
    assert kept_labels("tiny/3-mine", tmp_path) == {4: "rivers", 5: "lakes", 8: "seas"}
    assert kept_labels("other/3-mine", tmp_path) == kept_labels("tiny", tmp_path) == {}
    assert kept_labels("tiny/3-mine", tmp_path / "none") == {}


def make_old(folder: Path) -> None:
    for path in folder.glob("*.json"):
        os.utime(path, (1, 1))


async def test_the_latest_answer_names_a_feature(tmp_path: Path) -> None:
    await keep(tmp_path, "before", told(4, "rivers"))
    make_old(tmp_path)
    await keep(tmp_path, "later", told(4, "streams"))
    assert kept_labels("tiny/3-mine", tmp_path) == {4: "streams"}


async def test_an_sae_that_neuronpedia_knows_bears_its_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = sae_folder(tmp_path / "mine", {5: "my own words"})
    with np.load(folder / "params.npz") as held:
        safetensors.save_file(dict(held), folder / "sae_weights.safetensors")
    (folder / "params.npz").unlink()
    metadata = {"hook_name": "blocks.3.hook_resid_post", "neuronpedia_id": "tiny/3-mine"}
    (folder / "cfg.json").write_text(json.dumps({"architecture": "jumprelu", "d_in": 8, "metadata": metadata}))
    await neuronpedia_answers().keep("features", [told(4, "rivers"), told(5, "lakes"), told(10**6, "beyond")])
    assert await labels(Directions(), str(folder)) == ["rivers", "my own words"]
