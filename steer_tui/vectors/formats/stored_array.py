"""An array in a file, any row or column of which is read without the rest."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import Unsupported
from steer_tui.vectors.faults import broken, exactly, named, quoted, reading, too_large

WIDTH_MAX = 1 << 20
"""Wider than any residual stream by far."""

COUNT_MAX = 1 << 27
"""More features than any SAE has by far."""


class Holder(Protocol):
    """Where an array's bytes lie."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    def opened(self) -> AbstractContextManager[IO[bytes]]:
        """Bytes that can be sought in, forward cheaply."""
        ...


@dataclass(frozen=True, slots=True)
class WholeFile:
    """An array that lies in the file as it is."""

    path: Path

    def opened(self) -> AbstractContextManager[IO[bytes]]:
        """The file's own bytes."""
        return reading(self.path)


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a number is written in bytes."""

    dtype: np.dtype[Any]
    brain: bool = False
    """bfloat16, which numpy has no name for: the upper half of a float32, read as whole numbers of 16 bits."""
    unread: str = ""
    """The name of a way of writing them that is not read here."""

    def decoded(self, data: bytes) -> NDArray[np.float32]:
        """As float32; what is too large for that becomes infinite."""
        numbers = np.frombuffer(data, self.dtype)
        if self.brain:
            return (numbers.astype(np.uint32) << 16).view(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            return numbers.astype(np.float32)


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array of numbers by where it lies; nothing of it is in memory."""

    holder: Holder
    name: str
    """What the file calls it."""
    start: int
    """The place of its first byte among the holder's bytes."""
    shape: tuple[int, ...]
    numbers: Numbers
    by_columns: bool = False
    """Fortran's order: a column lies in one piece, not a row."""

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    @property
    def bytes_end(self) -> int:
        """The place after its last byte among the holder's bytes."""
        return self.start + self.size * self.numbers.dtype.itemsize

    def whole(self) -> NDArray[np.float32]:
        """All of it, flat, if it is no more than a vector."""
        if self.size > WIDTH_MAX:
            raise too_large(self.holder.path, f"its array {quoted(self.name)} has {self.size:,} numbers")
        with self.holder.opened() as file:
            return self.numbers.decoded(self._piece(file, 0, self.size))

    def line(self, axis: int, index: int) -> NDArray[np.float32]:
        """Of a matrix, the row (axis 0) or the column (axis 1) at `index`."""
        rows, columns = self.shape
        strides = (1, rows) if self.by_columns else (columns, 1)
        first, step, count = strides[axis] * index, strides[1 - axis], self.shape[1 - axis]
        if count > WIDTH_MAX:
            raise too_large(self.holder.path, f"its array {quoted(self.name)} is {rows:,} × {columns:,}")
        with self.holder.opened() as file:
            if step == 1:
                return self.numbers.decoded(self._piece(file, first, count))
            pieces = [self._piece(file, first + step * place, 1) for place in range(count)]
        return self.numbers.decoded(b"".join(pieces))

    def number(self, index: int) -> float:
        """Of a vector, the number at `index`; of a lone number, that number wherever it is asked for."""
        place = 0 if self.size == 1 else index
        if place >= self.size:
            raise broken(
                self.holder.path, f"its array {quoted(self.name)} has {self.size:,} numbers, and none {index:,}"
            )
        with self.holder.opened() as file:
            return float(self.numbers.decoded(self._piece(file, place, 1))[0])

    def _piece(self, file: IO[bytes], first: int, count: int) -> bytes:
        if self.numbers.unread:
            raise Unsupported(
                f"{named(self.holder.path)} holds {quoted(self.name)} in {self.numbers.unread}, which is not read.",
                hint="Save it as float32, float16 or bfloat16.",
            )
        item = self.numbers.dtype.itemsize
        file.seek(self.start + first * item)
        return exactly(file, count * item, self.holder.path)


def check_direction(values: NDArray[np.float32], what: str, path: Path) -> NDArray[np.float32]:
    """The values if they are a direction: finite, and not all zero."""
    strange = int(np.count_nonzero(~np.isfinite(values)))
    if strange:
        raise broken(path, f"{what} has {strange:,} numbers that are infinite or no numbers at all")
    if not values.any():
        raise broken(path, f"{what} is all zeros, so it points nowhere")
    return values
