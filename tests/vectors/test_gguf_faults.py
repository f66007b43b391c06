"""Files that say that they are GGUF, and are no control vectors."""

import struct
from pathlib import Path

import pytest
from vectors.kinds import V
from vectors.making import (
    save_gguf,
)

from steer_tui.domain import Malformed, Unsupported
from steer_tui.vectors import read_vector_file


def test_a_model_where_a_control_vector_is_meant(tmp_path: Path) -> None:
    path = save_gguf(tmp_path / "model.gguf", {"token_embd.weight": V}, kind="llama")
    with pytest.raises(Unsupported, match="holds 'llama', most likely a model, and no control vector"):
        read_vector_file(path)


def gguf_header(*entries: bytes, tensors: int = 1) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, len(entries)) + b"".join(entries)


def gguf_entry(key: str, kind: int, value: bytes) -> bytes:
    return struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + value


ARCHITECTURE = gguf_entry("general.architecture", 8, struct.pack("<Q", 13) + b"controlvector")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (gguf_header(), "does not say what it is"),
        (gguf_header(ARCHITECTURE, gguf_entry("a", 9, struct.pack("<IQ", 0, 1 << 60))), "elements"),
        (gguf_header(ARCHITECTURE, gguf_entry("a", 8, struct.pack("<Q", 1 << 60))), "longer than a book"),
        (gguf_header(ARCHITECTURE, gguf_entry("a", 77, b"")), "a type that GGUF does not have"),
        (gguf_header(ARCHITECTURE, tensors=1 << 50), "tensors"),
        (gguf_header(ARCHITECTURE, ARCHITECTURE), "cannot be read"),
        (gguf_header(ARCHITECTURE), "cannot be read"),
    ],
)
def test_a_gguf_file_that_says_too_much_of_itself_is_not_believed(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "v.gguf").write_bytes(content)
    with pytest.raises(Malformed, match=says):
        read_vector_file(tmp_path / "v.gguf")


def test_a_gguf_file_of_another_version_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "v.gguf").write_bytes(b"GGUF" + struct.pack(">IQQ", 3, 1, 1) + bytes(100))
    with pytest.raises(Unsupported, match="a version of GGUF, or of a byte order"):
        read_vector_file(tmp_path / "v.gguf")


def test_a_tensor_that_no_control_vector_has(tmp_path: Path) -> None:
    path = save_gguf(tmp_path / "v.gguf", {"direction.3": V, "output.weight": V})
    with pytest.raises(Malformed, match="holds the tensor 'output.weight'"):
        read_vector_file(path)
