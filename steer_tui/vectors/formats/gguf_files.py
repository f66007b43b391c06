"""Control vectors in llama.cpp's format: `direction.N` is added to the output of block N, counted from 0."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import Unsupported
from steer_tui.vectors.direction import Direction
from steer_tui.vectors.faults import broken, named, quoted, system_faults, without_library
from steer_tui.vectors.formats.gguf_header import ARCHITECTURES, architecture
from steer_tui.vectors.formats.plain_arrays import directions_of
from steer_tui.vectors.formats.stored_array import WIDTH_MAX

_FAULTS = (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError)
"""What the library raises for a file that is not in order."""


def read_gguf(path: Path) -> tuple[tuple[Direction, ...], str | None]:
    """The directions of a control vector, and the type of model that they are for."""
    told = architecture(path)
    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise without_library("gguf") from error
    try:
        with system_faults(path):
            reader = GGUFReader(path)
        tensors = {tensor.name: tensor for tensor in reader.tensors}
        hint = reader.get_field(f"{told}.model_hint")
        model = str(hint.contents()) if hint is not None else ""
    except _FAULTS as error:
        raise broken(path, "its header names what is not there; it may be cut short") from error
    strange = [name for name in tensors if not name.startswith("direction.")]
    if strange:
        raise broken(path, f"it holds the tensor {quoted(strange[0])}, which no control vector has")
    shapes = {name: tuple(reversed([int(side) for side in tensor.shape])) for name, tensor in tensors.items()}
    directions = directions_of(path, shapes, lambda name: _numbers(path, tensors[name]))
    return directions, model or None


def write_gguf(path: Path, directions: tuple[Direction, ...], model: str | None) -> None:
    """Write a control vector to `path` itself."""
    try:
        from gguf import GGUFWriter
    except ImportError as error:
        raise without_library("gguf") from error
    writer = GGUFWriter(path, ARCHITECTURES[0])
    # repeng reads no file without a hint, and one without text is as good as none
    writer.add_string(f"{ARCHITECTURES[0]}.model_hint", model or "")
    writer.add_uint32(f"{ARCHITECTURES[0]}.layer_count", len(directions))
    for direction in directions:
        writer.add_tensor(f"direction.{direction.layer}", np.ascontiguousarray(direction.values, np.float32))
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _numbers(path: Path, tensor: Any) -> NDArray[np.float32]:
    from gguf import dequantize

    if tensor.n_elements > WIDTH_MAX:
        raise broken(path, f"{quoted(tensor.name)} has {tensor.n_elements:,} numbers")
    try:
        values = np.array(tensor.data)
        plain = values if values.dtype.kind == "f" else dequantize(values, tensor.tensor_type)
        with np.errstate(over="ignore"):
            return np.asarray(plain, np.float32).reshape(-1)
    except NotImplementedError as error:
        raise Unsupported(
            f"{named(path)} holds {quoted(tensor.name)} in {tensor.tensor_type.name}, which is not read here.",
            hint="Export it again as F32.",
        ) from error
    except _FAULTS as error:
        raise broken(path, f"{quoted(tensor.name)} is damaged") from error
