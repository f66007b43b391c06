"""Arrays as they travel to and from servers: base64 of little-endian numbers, beside their type and shape."""

import base64
import binascii
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import Malformed, safe_line

SIDES_MAX = 8
"""More than any array of a residual stream has."""

SIDE_MAX = 1 << 32
"""Longer than any of its sides by far."""

_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


def encode_float32(values: NDArray[np.floating]) -> str:
    """The numbers as float32, row by row."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def decode(dtype: str, shape: Sequence[int], data: str) -> NDArray[np.float32]:
    """The array as float32, whatever it travelled as; Malformed where the parts do not fit together."""
    return from_bytes(dtype, shape, from_base64(data))


def from_base64(data: str) -> bytes:
    """The bytes of an array, or Malformed."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("The server sent an array that is not base64.") from error


def byte_count(dtype: str, shape: Sequence[int]) -> int:
    """How many bytes an array of a type and a shape has; Malformed for what is none."""
    size = _BYTES.get(dtype.removeprefix("torch."))
    if size is None:
        raise Malformed(f"The server sent numbers of the type {safe_line(dtype[:40])!r}, which is none of {_KNOWN}.")
    if len(shape) > SIDES_MAX or any(not 0 <= length <= SIDE_MAX for length in shape):
        raise Malformed(f"The server sent an array of the impossible shape {str(list(shape)[:SIDES_MAX])[:80]}.")
    return math.prod(shape) * size


def from_bytes(dtype: str, shape: Sequence[int], raw: bytes) -> NDArray[np.float32]:
    """The array that the bytes are, as `decode` gives it."""
    if len(raw) != byte_count(dtype, shape):
        raise Malformed(f"The server sent {len(raw)} bytes for an array of {dtype} {list(shape)[:8]}.")
    try:
        return _as_float32(raw, dtype.removeprefix("torch.")).reshape(tuple(shape))
    except ValueError as error:  # no numbers, and sides that numpy has no room for
        raise Malformed(f"The server sent an array of the impossible shape {list(shape)}.") from error


_KNOWN = ", ".join(_BYTES)


def _as_float32(raw: bytes, dtype: str) -> NDArray[np.float32]:
    if dtype == "bfloat16":  # the upper half of a float32
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(raw, "<f2" if dtype == "float16" else "<f4").astype(np.float32)
