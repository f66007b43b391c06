"""Vectors written to files that other tools read, and read back."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vectors.making import random_numbers

from steer_tui.domain import Malformed, NotFound, Rejected, SteerError, Unsupported
from steer_tui.vectors import EMBEDDING, Direction, VectorFile, read_vector_file, write_vectors

NUMBER = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def vector_files(draw: st.DrawFn, layers: st.SearchStrategy[list[int | None]]) -> VectorFile:
    width = draw(st.integers(1, 12))
    row = st.lists(NUMBER, min_size=width, max_size=width).filter(any)
    directions = tuple(Direction(np.array(draw(row), np.float32), layer) for layer in sorted(draw(layers), key=str))
    model = draw(st.none() | st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20))
    return VectorFile(Path("anything"), directions, model)


BLOCKS = st.lists(st.none() | st.integers(0, 200), min_size=1, max_size=6, unique=True).filter(
    lambda ls: None not in ls
)
ANYWHERE = st.just([None]) | st.lists(st.integers(EMBEDDING, 200), min_size=1, max_size=6, unique=True)


def same(left: VectorFile, right: VectorFile) -> bool:
    by_layer = [{one.layer: one.values.tobytes() for one in file.directions} for file in (left, right)]
    return by_layer[0] == by_layer[1] and left.model == right.model


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(file=vector_files(BLOCKS))
def test_what_is_written_to_gguf_is_read_back(tmp_path: Path, file: VectorFile) -> None:
    path = tmp_path / "v.gguf"
    write_vectors(path, file)
    assert same(read_vector_file(path), file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(file=vector_files(ANYWHERE))
def test_what_is_written_to_safetensors_is_read_back(tmp_path: Path, file: VectorFile) -> None:
    path = tmp_path / "v.safetensors"
    write_vectors(path, file)
    assert same(read_vector_file(path), file)


def one(layer: int | None = 3, *values: float) -> VectorFile:
    numbers = np.array(values, np.float32) if values else random_numbers(1, 4)
    return VectorFile(Path("anything"), (Direction(numbers, layer),))


def test_a_control_vector_is_as_repeng_and_llama_cpp_know_it(tmp_path: Path) -> None:
    from gguf import GGUFReader

    write_vectors(tmp_path / "v.gguf", VectorFile(Path(), one().directions, "llama"))
    reader = GGUFReader(tmp_path / "v.gguf")
    told = {key: reader.fields[key].contents() for key in reader.fields}
    assert told["general.architecture"] == "controlvector"
    assert (told["controlvector.model_hint"], told["controlvector.layer_count"]) == ("llama", 1)
    assert [(tensor.name, tensor.tensor_type.name) for tensor in reader.tensors] == [("direction.3", "F32")]


@pytest.mark.parametrize("layer", [None, EMBEDDING])
def test_a_direction_at_no_block_is_nothing_for_gguf(tmp_path: Path, layer: int | None) -> None:
    with pytest.raises(Unsupported, match="names the block") as refused:
        write_vectors(tmp_path / "v.gguf", one(layer))
    assert "safetensors" in refused.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "file",
    [
        VectorFile(Path(), ()),
        one(3, 0, 0),
        one(3, 1, float("nan")),
        VectorFile(Path(), (*one(3).directions, *one(3).directions)),
        VectorFile(Path(), (*one(3).directions, *one(4, 1, 2).directions)),
        VectorFile(Path(), (*one(None).directions, *one(4).directions)),
    ],
    ids=["none", "zeros", "no number", "a layer twice", "two widths", "one without a layer"],
)
@pytest.mark.parametrize("suffix", [".gguf", ".safetensors"])
def test_what_could_not_be_read_is_not_written(tmp_path: Path, file: VectorFile, suffix: str) -> None:
    with pytest.raises(Malformed):
        write_vectors(tmp_path / f"v{suffix}", file)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".gguf", ".safetensors"])
def test_a_file_in_the_way_is_replaced_whole_or_stays(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    write_vectors(path, one(3))
    before = path.read_bytes()
    with pytest.raises(SteerError):
        write_vectors(path, one(3, 0, 0))
    assert path.read_bytes() == before
    write_vectors(path, one(4))
    assert [direction.layer for direction in read_vector_file(path).directions] == [4]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".gguf", ".safetensors"])
def test_a_place_where_nothing_can_be_written_is_a_sentence(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(NotFound, match="There is no folder"):
        write_vectors(tmp_path / "nowhere" / f"v{suffix}", one())
    (tmp_path / f"v{suffix}").mkdir()
    with pytest.raises(Rejected, match="could not be written"):
        write_vectors(tmp_path / f"v{suffix}", one())
    assert [file.name for file in tmp_path.iterdir()] == [f"v{suffix}"]


@pytest.mark.parametrize("name", ["v.npz", "v", "v.txt"])
def test_another_kind_of_file_is_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unsupported, match="no kind that vectors are written to") as refused:
        write_vectors(tmp_path / name, one())
    assert refused.value.hint == "The kinds are .gguf and .safetensors."


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o027, 0o640)])
@pytest.mark.parametrize("name", ["v.gguf", "v.safetensors"])
def test_who_may_read_a_file_is_for_the_persons_umask_to_say(tmp_path: Path, name: str, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_vectors(tmp_path / name, VectorFile(tmp_path, (Direction(np.ones(4, np.float32), 3),)))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
