"""What kind of .gguf file it is, found with little reading: a model's has thousands of megabytes of other things."""

from pathlib import Path
from struct import unpack
from typing import IO

from steer_tui.domain import Unsupported
from steer_tui.vectors.faults import broken, exactly, file_size, named, quoted, reading, too_large

ARCHITECTURES = ("controlvector", "steeringvector")
"""What repeng and llama.cpp, and dialz, call a file of vectors."""

FILE_MAX = 64 << 20
"""Bytes of the largest model's vectors at all of its layers, and then some."""

ENTRIES_MAX = 4096
"""More tensors, entries or elements of an entry than a file of vectors has."""

_STRING, _ARRAY = 8, 9
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""The bytes of a value, by the number of its type."""


def architecture(path: Path) -> str:
    """Which of ARCHITECTURES the file says that it is; raises for a model, and for what cannot be read safely.

    The library reads a header entry by entry and trusts what it says of its own length; this looks first.
    """
    size = file_size(path)
    with reading(path) as file:
        if exactly(file, 4, path) != b"GGUF":
            raise broken(path, "it does not begin as a .gguf file does")
        (version,) = unpack("<I", exactly(file, 4, path))
        if version not in (2, 3):
            raise Unsupported(
                f"{named(path)} is of a version of GGUF, or of a byte order, that this program does not read.",
                hint="Export it again with a new gguf library.",
            )
        tensors, entries = unpack("<QQ", exactly(file, 16, path))
        told: str | None = None
        for _ in range(min(entries, ENTRIES_MAX)):
            key = _string(file, path)
            (kind,) = unpack("<I", exactly(file, 4, path))
            if key == b"general.architecture" and kind == _STRING:
                told = _string(file, path).decode("utf-8", "replace")
                _check_architecture(path, told)
            else:
                _pass_over(file, path, kind)
    if told is None:
        raise broken(path, "it does not say what it is, as a control vector does")
    if size > FILE_MAX or max(tensors, entries) > ENTRIES_MAX:
        raise too_large(path, f"it has {size:,} bytes and {tensors:,} tensors")
    return told


def _check_architecture(path: Path, told: str) -> None:
    if told not in ARCHITECTURES:
        raise Unsupported(
            f"{named(path)} holds {quoted(told)}, most likely a model, and no control vector.",
            hint="Name a file that repeng, dialz or llama.cpp's cvector-generator wrote.",
        )


def _string(file: IO[bytes], path: Path) -> bytes:
    (length,) = unpack("<Q", exactly(file, 8, path))
    if length > 1 << 20:
        raise broken(path, "it says that one of its names is longer than a book")
    return exactly(file, length, path)


def _pass_over(file: IO[bytes], path: Path, kind: int) -> None:
    if kind == _STRING:
        _string(file, path)
    elif kind == _ARRAY:
        inner, count = unpack("<IQ", exactly(file, 12, path))
        if count > ENTRIES_MAX:
            raise too_large(path, f"one of its entries has {count:,} elements")
        if inner == _STRING:
            for _ in range(count):
                _string(file, path)
        else:
            exactly(file, count * _size(path, inner), path)
    else:
        exactly(file, _size(path, kind), path)


def _size(path: Path, kind: int) -> int:
    if kind not in _SIZES:
        raise broken(path, "one of its entries is of a type that GGUF does not have")
    return _SIZES[kind]
