import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines.builtin.tiny import FEATURES, MEANS, D

from steer_tui.domain import Malformed, NotFound, SteerError
from steer_tui.engines.builtin.catalogue import read_card, read_catalogue, read_tokenizer
from steer_tui.engines.builtin.evidence import read_evidence
from steer_tui.engines.builtin.weights import read_directions, read_model

FILES = ["model.json", "model.npz", "sae.npz", "features.json", "tokenizer.json", "evidence.json"]


def read_all(folder: Path) -> None:
    card = read_card(folder)
    read_catalogue(folder, card)
    read_tokenizer(folder, card)
    read_model(folder, card)
    read_directions(folder, card)
    read_evidence(folder)


@pytest.fixture
def copy(weights: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(weights, tmp_path / "weights"))


def sentence(folder: Path, kind: type[SteerError]) -> str:
    with pytest.raises(kind) as caught:
        read_all(folder)
    assert "Reinstall" in caught.value.hint
    assert caught.value.__cause__ is not None
    return caught.value.message


def test_good_files_are_float32_in_one_piece(weights: Path) -> None:
    card = read_card(weights)
    model, directions = read_model(weights, card), read_directions(weights, card)
    arrays = [model.embedding, model.layers[0].qkv, directions.encoder, directions.decoder, directions.means]
    assert all(array.dtype == np.float32 and array.flags.c_contiguous for array in arrays)
    assert directions.encoder.shape == directions.decoder.shape == (FEATURES, D)
    assert directions.means.shape == (MEANS, D)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert name in sentence(copy, NotFound)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("keep", [0, 1, 10, 0.5, 0.99])
def test_a_truncated_file_is_named(copy: Path, name: str, keep: float) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[: int(len(data) * keep) if isinstance(keep, float) else keep])
    assert name in sentence(copy, Malformed)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_something_else_is_named(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"\x00\xff<html>not found</html>" * 50)
    assert name in sentence(copy, Malformed)


@pytest.mark.parametrize("name", FILES)
def test_a_folder_in_place_of_a_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    (copy / name).mkdir()
    assert name in sentence(copy, NotFound)


def test_flipped_bytes_are_found(copy: Path) -> None:
    data = bytearray((copy / "model.npz").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (copy / "model.npz").write_bytes(data)
    assert "model.npz" in sentence(copy, Malformed)


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    arrays = dict(np.load(path))
    change(arrays)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("name", "array", "value"),
    [
        ("model.npz", "layers.1.qkv", np.zeros((D, D), np.float16)),
        ("model.npz", "embedding", np.zeros(D, np.float16)),
        ("model.npz", "final_norm", np.full(D, np.nan, np.float16)),
        ("model.npz", "final_norm", np.array([{}] * D)),
        ("model.npz", "final_norm", np.array(["a"] * D)),
        ("sae.npz", "threshold", np.zeros(FEATURES + 1, np.float16)),
        ("sae.npz", "decoder", np.zeros((FEATURES, D + 1), np.float16)),
        ("sae.npz", "means.bias", np.zeros(MEANS - 1, np.float16)),
    ],
)
def test_an_array_of_the_wrong_shape_or_kind_is_refused(copy: Path, name: str, array: str, value: np.ndarray) -> None:
    rewrite(copy / name, lambda arrays: arrays.update({array: value}))
    assert name in sentence(copy, Malformed)


def test_a_missing_array_is_named(copy: Path) -> None:
    rewrite(copy / "model.npz", lambda arrays: arrays.pop("layers.2.mlp_up"))
    assert "layers.2.mlp_up" in sentence(copy, Malformed)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("model.json", {"format": 2}),
        ("model.json", {"heads": 3}),
        ("model.json", {"layers": "four"}),
        ("model.json", {"steeringLayer": 9}),
        ("model.json", {"steeringLayer": 0}),
        ("model.json", {"meanResidualNorm": 0}),
        ("model.json", {"meanResidualNorm": float("nan")}),
        ("model.json", {"context": None}),
        ("tokenizer.json", {"format": 7}),
        ("tokenizer.json", {"merges": [[1, 2]]}),
        ("tokenizer.json", {"merges": [[900, 2]] * 40}),
        ("tokenizer.json", {"merges": [[256, 2]] * 40}),
        ("tokenizer.json", {"pattern": "("}),
        ("tokenizer.json", {"endOfText": 0}),
    ],
)
def test_a_json_file_with_an_impossible_value_is_refused(copy: Path, name: str, change: dict[str, Any]) -> None:
    path = copy / name
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert name in sentence(copy, Malformed)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "sound"},
        {"kind": "vector"},
        {"index": -1},
        {"index": "x"},
        {"label": " "},
        {"label": "SEA"},
        {"id": "tiny/2-sae/5"},
        {"promoted": 3},
    ],
)
def test_a_feature_with_an_impossible_value_is_refused(copy: Path, change: dict[str, Any]) -> None:
    path = copy / "features.json"
    rows = json.loads(path.read_text())
    path.write_text(json.dumps([rows[0] | change, *rows[1:]]))
    assert "features.json" in sentence(copy, Malformed)


def test_features_that_are_no_list_are_refused(copy: Path) -> None:
    (copy / "features.json").write_text('{"a": 1}')
    assert "features.json" in sentence(copy, Malformed)
