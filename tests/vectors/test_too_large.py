"""Files that say that they are larger than anything sensible are not loaded to find out."""

import json
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from vectors.kinds import one_clear_sentence
from vectors.making import (
    save_npz,
)

from steer_tui.domain import Malformed
from steer_tui.vectors import read_vector_file

GGUF = b"GGUF" + struct.pack("<IQQQ20sIQ13s", 3, 1, 1, 20, b"general.architecture", 8, 13, b"controlvector")


def holes(path: Path, start: bytes, size: int) -> Path:
    """A file of any size that takes no room on the disk."""
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)
    return path


def tensor_header(shape: list[int], end: int) -> bytes:
    text = json.dumps({"layer.3": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    ("name", "start", "size"),
    [
        ("v.json", b"[", 1 << 30),
        ("v.svec", b"{", 1 << 30),
        ("v.gguf", GGUF, 1 << 30),
        ("v.safetensors", (1 << 29).to_bytes(8, "little"), 1 << 30),
        ("v.safetensors", tensor_header([1 << 28], 1 << 30), len(tensor_header([1 << 28], 1 << 30)) + (1 << 30)),
    ],
    ids=["json", "svec", "gguf", "a header of safetensors", "a vector of safetensors"],
)
def test_a_file_larger_than_anything_sensible_is_not_loaded(tmp_path: Path, name: str, start: bytes, size: int) -> None:
    path = holes(tmp_path / name, start, size)
    with pytest.raises(Malformed, match="is too large: ") as refused:
        read_vector_file(path)
    one_clear_sentence(refused.value, path)


@pytest.mark.parametrize("version", [b"\x02\x00", b"\x03\x00"])
def test_a_header_that_names_a_length_of_its_own_is_not_unpacked(tmp_path: Path, version: bytes) -> None:
    path = tmp_path / "v.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("v.npy", "w") as member,
    ):
        member.write(b"\x93NUMPY" + version + struct.pack("<I", 16 << 20))
        for _ in range(16):
            member.write(b" " * (1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(Malformed) as refused:
            read_vector_file(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    one_clear_sentence(refused.value, path)


def test_an_array_that_would_unpack_to_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    save_npz(tmp_path / "v.npz", {"v": np.zeros(1 << 22, np.float32)}, compressed=True)
    with pytest.raises(Malformed, match="is too large: its array 'v' is 4,194,304"):
        read_vector_file(tmp_path / "v.npz")
