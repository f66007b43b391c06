"""Other people's files of vectors: every fault is one clear sentence, with what to do next."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from vectors.kinds import MAKERS, V, every_kind, npz, one_clear_sentence
from vectors.making import (
    random_numbers,
    saelens,
    save_npz,
    weights,
    write_tensors,
)

from steer_tui.domain import Malformed, NotFound, Rejected, Unsupported
from steer_tui.vectors import open_sae, read_vector_file


@every_kind
def test_a_file_that_is_in_order_is_read(tmp_path: Path, name: str) -> None:
    (direction,) = read_vector_file(MAKERS[name](tmp_path / name)).directions
    assert direction.values.tolist() == V.tolist()


@every_kind
@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf], ids=str)
def test_a_number_that_is_none(tmp_path: Path, name: str, strange: float) -> None:
    values = V.copy()
    values[2] = values[5] = strange
    path = MAKERS[name](tmp_path / name, values)
    with pytest.raises(Malformed, match="has 2 numbers that are infinite or no numbers at all") as broken:
        read_vector_file(path)
    one_clear_sentence(broken.value, path)


@pytest.mark.parametrize("name", ["v.json", "v.svec", "v.npz", "v.npy", "v.safetensors"])
def test_a_number_that_is_too_large_for_the_model(tmp_path: Path, name: str) -> None:
    with pytest.raises(Malformed, match="has 1 numbers that are infinite"):
        read_vector_file(MAKERS[name](tmp_path / name, np.array([1.0, 1e300])))


@every_kind
def test_a_vector_of_zeros(tmp_path: Path, name: str) -> None:
    path = MAKERS[name](tmp_path / name, np.zeros(8, np.float32))
    with pytest.raises(Malformed, match="is all zeros, so it points nowhere") as broken:
        read_vector_file(path)
    one_clear_sentence(broken.value, path)


@every_kind
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9])
def test_a_file_that_ends_too_early(tmp_path: Path, name: str, part: float) -> None:
    path = MAKERS[name](tmp_path / name, random_numbers(1, 4000))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(Malformed, match="cannot be read") as broken:
        read_vector_file(path)
    one_clear_sentence(broken.value, path)


@pytest.mark.parametrize("name", ["a\0.gguf", "a\0.npz"])
def test_a_name_that_no_file_has(name: str) -> None:
    with pytest.raises(NotFound):
        read_vector_file(Path(name))


def test_a_header_with_a_place_beyond_all_numbers(tmp_path: Path) -> None:
    told = b'{"layer.3": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1e999]}}'
    path = tmp_path / "v.safetensors"
    path.write_bytes(len(told).to_bytes(8, "little") + told + bytes(4))
    with pytest.raises(Malformed, match="header is not that of a .safetensors file"):
        read_vector_file(path)


@every_kind
def test_a_file_that_is_something_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"<!DOCTYPE html><html><body>Please log in to download this file.</body></html>" * 20)
    with pytest.raises(Malformed, match="cannot be read") as broken:
        read_vector_file(path)
    one_clear_sentence(broken.value, path)


@pytest.mark.parametrize("name", ["nothing.npz", "nowhere/v.gguf", "v.safetensors/within.npz"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    MAKERS["v.safetensors"](tmp_path / "v.safetensors")
    with pytest.raises(NotFound, match="There is no ") as missing:
        read_vector_file(tmp_path / name)
    one_clear_sentence(missing.value, tmp_path / name)


def test_a_folder_where_a_file_is_meant(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="is a folder, not a file") as refused:
        read_vector_file(tmp_path)
    one_clear_sentence(refused.value, tmp_path)


def test_an_saes_folder_where_a_file_is_meant(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="has many features") as refused:
        read_vector_file(saelens(tmp_path))
    assert refused.value.hint == f"Name one by its index, such as {tmp_path}#0."


def test_an_saes_file_where_a_vector_is_meant(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="named by its folder, as FOLDER#INDEX"):
        read_vector_file(saelens(tmp_path) / "sae_weights.safetensors")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "v.npz")
    with pytest.raises(Unsupported, match="is no ordinary file"):
        read_vector_file(tmp_path / "v.npz")


@contextmanager
def as_another_user() -> Iterator[None]:
    """Without the rights of the superuser, who may read everything."""
    superuser = os.geteuid() == 0
    if superuser:
        os.seteuid(65534)
    try:
        yield
    finally:
        if superuser:
            os.seteuid(0)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = npz(tmp_path / "v.npz")
    folder = save_npz(tmp_path / "layer_3" / "params.npz", weights()).parent
    path.chmod(0)
    (folder / "params.npz").chmod(0)
    for act in (lambda: read_vector_file(path), lambda: open_sae(folder)):
        with as_another_user(), pytest.raises(Rejected, match="may not be read by this user") as refused:
            act()
        assert "permissions" in refused.value.hint


@pytest.mark.parametrize("name", ["v.txt", "v", "v.onnx", "README.md"])
def test_a_kind_of_file_that_holds_no_vectors(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("words")
    with pytest.raises(Unsupported, match="no kind of file that holds vectors") as refused:
        read_vector_file(tmp_path / name)
    assert ".gguf" in refused.value.hint


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({}, "it holds no vector"),
        ({"layer.3": V, "other": V}, "'other' names no layer"),
        ({"a": V, "b": V}, "names no layer"),
        ({"layer.3": V, "direction.3": V}, "for the same layer"),
        ({"layer.3": V, "layer.4": V[:4]}, "of several widths, 4 and 8"),
        ({"layer.3": np.zeros((3, 4), np.float32)}, "is a table of 3 × 4 and no vector"),
        ({"v": np.zeros((2, 3, 4), np.float32)}, "is no vector but 2 × 3 × 4"),
        ({"v": np.float32(3)}, "is no vector but one number"),
        ({f"layer.{number}": V for number in range(1025)}, "it holds 1,025 arrays"),
    ],
)
@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_arrays_that_are_no_vectors(tmp_path: Path, suffix: str, arrays: dict[str, np.ndarray], says: str) -> None:
    path = tmp_path / f"v{suffix}"
    if suffix == ".npz":
        save_npz(path, arrays)
    else:
        write_tensors(path, {name: np.asarray(array) for name, array in arrays.items()})
    with pytest.raises(Malformed, match=says):
        read_vector_file(path)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "3",
        '"words"',
        "{}",
        '{"layer.3": []}',
        '{"layer.3": ["1"]}',
        "[true]",
        "[[1, 2], [3]]",
        "[1" + "0" * 400 + "]",
    ],
)
def test_json_that_is_no_vector(tmp_path: Path, text: str) -> None:
    (tmp_path / "v.json").write_text(text)
    with pytest.raises(Malformed):
        read_vector_file(tmp_path / "v.json")


@pytest.mark.parametrize(
    "told",
    [{"directions": [1]}, {"directions": {"a": [[1.0]], "b": [[1.0]]}}, {"directions": {}}, {"directions": {"3": 1.0}}],
)
def test_a_steering_vector_of_aisteer360_that_is_none(tmp_path: Path, told: object) -> None:
    (tmp_path / "v.svec").write_text(json.dumps(told))
    with pytest.raises(Malformed):
        read_vector_file(tmp_path / "v.svec")


def test_rows_for_positions_or_heads_are_no_direction(tmp_path: Path) -> None:
    (tmp_path / "v.svec").write_text(json.dumps({"model_type": "llama", "directions": {"3": [[1.0, 2.0], [3.0, 4.0]]}}))
    with pytest.raises(Unsupported, match="holds 2 rows for layer '3'"):
        read_vector_file(tmp_path / "v.svec")


def test_numbers_of_a_type_that_no_model_has(tmp_path: Path) -> None:
    save_npz(tmp_path / "v.npz", {"v": V.astype(np.complex64)})
    with pytest.raises(Unsupported, match="holds 'v' in 'complex64', which is not read"):
        read_vector_file(tmp_path / "v.npz")
    write_tensors(tmp_path / "v.safetensors", {"v": V.astype(np.uint8)}, dtype="F8_E4M3")
    with pytest.raises(Unsupported, match="holds 'v' in 'F8_E4M3', which is not read"):
        read_vector_file(tmp_path / "v.safetensors")


def test_a_name_out_of_a_file_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    write_tensors(tmp_path / "v.safetensors", {"layer.3": V, "\x1b[31m\u202eother": V})
    with pytest.raises(Malformed) as refused:
        read_vector_file(tmp_path / "v.safetensors")
    assert "\x1b" not in refused.value.message
    assert "\u202e" not in refused.value.message


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [(8, b"\x01\x00", "is encrypted"), (10, b"\x63\x00", "compressed in a way that Python does not know")],
)
def test_an_archive_that_python_cannot_open(tmp_path: Path, place: int, value: bytes, says: str) -> None:
    content = npz(tmp_path / "v.npz").read_bytes()
    start = content.index(b"PK\x01\x02") + place
    (tmp_path / "v.npz").write_bytes(content[:start] + value + content[start + 2 :])
    with pytest.raises(Unsupported, match=says):
        read_vector_file(tmp_path / "v.npz")
