"""The tensors of a .safetensors file, found without loading them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from steer_tui.vectors.faults import (
    broken,
    cut_short,
    exactly,
    file_size,
    quoted,
    reading,
    system_faults,
    too_large,
    without_library,
)
from steer_tui.vectors.formats.stored_array import Numbers, StoredArray, WholeFile

HEADER_MAX = 16 << 20
"""A header of one SAE's tensors has some hundred bytes, that of the largest model some hundred thousand."""

_LENGTH = 8
_NUMBERS = {
    "F64": Numbers(np.dtype("<f8")),
    "F32": Numbers(np.dtype("<f4")),
    "F16": Numbers(np.dtype("<f2")),
    "BF16": Numbers(np.dtype("<u2"), brain=True),
}
_HEADER_FAULTS = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError)
_OCTET = np.dtype("u1")


@dataclass(frozen=True, slots=True)
class TensorFile:
    """What the header of a .safetensors file says."""

    tensors: Mapping[str, StoredArray]
    metadata: Mapping[str, str]


def open_tensors(path: Path) -> TensorFile:
    """The tensors of a file, by name.

    The library checks the header. The numbers are read here, from where the header says that they lie: the library
    gives no bfloat16 to numpy, and that is what many SAEs are in.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise without_library("safetensors") from error
    size = file_size(path)
    with reading(path) as file:
        length = int.from_bytes(exactly(file, _LENGTH, path), "little")
        if length > size - _LENGTH:
            raise broken(path, "it does not begin as a .safetensors file does, or ends within its header")
        if length > HEADER_MAX:
            raise too_large(path, f"its header alone has {length:,} bytes")
        text = exactly(file, length, path)
    try:
        header = json.loads(text)
        metadata = {str(key): str(value) for key, value in header.pop("__metadata__", {}).items()}
        ends = [int(told["data_offsets"][1]) for told in header.values()]
        tensors = {
            name: StoredArray(
                WholeFile(path),
                name,
                _LENGTH + length + int(told["data_offsets"][0]),
                tuple(int(side) for side in told["shape"]),
                _NUMBERS.get(str(told["dtype"])) or Numbers(_OCTET, unread=quoted(told["dtype"])),
            )
            for name, told in header.items()
        }
    except _HEADER_FAULTS as error:
        raise broken(path, "its header is not that of a .safetensors file") from error
    if _LENGTH + length + max(ends, default=0) > size:
        raise cut_short(path)
    try:
        with system_faults(path), safe_open(path, framework="numpy"):
            return TensorFile(tensors, metadata)
    except SafetensorError as error:
        raise broken(path, f"it is not in order ({quoted(error)})") from error
