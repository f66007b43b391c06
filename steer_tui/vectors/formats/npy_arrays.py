"""The arrays of .npy and .npz files, found without loading them; nothing pickled is ever opened."""

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EINVAL
from io import BytesIO
from lzma import LZMAError
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np

from steer_tui.domain import Unsupported
from steer_tui.vectors.faults import (
    broken,
    cut_short,
    exactly,
    file_size,
    named,
    quoted,
    reading,
    system_faults,
    too_large,
)
from steer_tui.vectors.formats.pickles import refused_pickle
from steer_tui.vectors.formats.stored_array import Holder, Numbers, StoredArray, WholeFile

MEMBERS_MAX = 4096
"""More arrays than any file of vectors or weights of one SAE has."""

HEADER_MAX = 1 << 16
"""Bytes of an array's header, which numpy writes with some hundred."""

_MAGIC = b"\x93NUMPY"
_LENGTHS = {(1, 0): "<H", (2, 0): "<I"}
"""How the length of a header is written, by its version."""

_ENCRYPTED = 1
_LOCAL_HEADER = 30
_HEADER_FAULTS = (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError)
"""What numpy raises for a header that is not in order, which it reads as Python's own notation."""


@dataclass(frozen=True, slots=True)
class CompressedMember:
    """An array that lies compressed in an archive: read from its start, a piece at a time, to where it is wanted."""

    path: Path
    member: str

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The bytes as they were before they were compressed."""
        with _archive(self.path) as archive, archive.open(self.member) as file:
            yield file


def npy_array(path: Path) -> StoredArray:
    """The one array of a .npy file."""
    size = file_size(path)
    with reading(path) as file:
        array = _described(file, WholeFile(path), path.stem)
    if array.bytes_end > size:
        raise cut_short(path)
    return array


def npz_arrays(path: Path) -> Mapping[str, StoredArray]:
    """The arrays of a .npz file by their names."""
    file_size(path)
    with _archive(path) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
        if len(members) > MEMBERS_MAX:
            raise too_large(path, f"it holds {len(members):,} arrays")
        arrays = [_member_array(path, archive, member) for member in members]
    return {array.name: array for array in arrays}


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    with system_faults(path):
        try:
            with zipfile.ZipFile(path) as archive:
                yield archive
        except (zipfile.BadZipFile, zlib.error, LZMAError, struct.error, EOFError, ValueError) as error:
            raise broken(path, "its archive is cut short or damaged") from error
        except OSError as error:
            # no fault of the system's: a place before the file's start, or bytes that cannot be unpacked
            if error.errno in (None, EINVAL):
                raise broken(path, "its archive is cut short or damaged") from error
            raise
        except NotImplementedError as error:
            raise Unsupported(
                f"{named(path)} is compressed in a way that Python does not know.",
                hint="Save it again with numpy.savez.",
            ) from error


def _member_array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> StoredArray:
    name = member.filename.removesuffix(".npy")
    if member.flag_bits & _ENCRYPTED:
        raise Unsupported(f"{named(path)} is encrypted.", hint="Save it again without a password.")
    with archive.open(member) as file:
        array = _described(file, CompressedMember(path, member.filename), name)
    if array.bytes_end > member.file_size:
        raise cut_short(path)
    if member.compress_type != zipfile.ZIP_STORED:
        return array
    start = _stored_start(path, member) + array.start
    return StoredArray(WholeFile(path), name, start, array.shape, array.numbers, array.by_columns)


def _stored_start(path: Path, member: zipfile.ZipInfo) -> int:
    with reading(path) as file:
        file.seek(member.header_offset)
        header = exactly(file, _LOCAL_HEADER, path)
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    return member.header_offset + _LOCAL_HEADER + int(name_length) + int(extra_length)


def _header(file: IO[bytes], path: Path, name: str) -> tuple[tuple[int, int], BytesIO]:
    """The version of an array's header, and the header behind it: numpy believes any length that one names."""
    start = exactly(file, len(_MAGIC) + 2, path)
    version = (start[-2], start[-1])
    if not start.startswith(_MAGIC):
        raise broken(path, f"its array {quoted(name)} has no header that numpy understands")
    if version not in _LENGTHS:
        raise broken(path, f"its array {quoted(name)} is in a format that came after this program")
    told = exactly(file, struct.calcsize(_LENGTHS[version]), path)
    (length,) = struct.unpack(_LENGTHS[version], told)
    if length > HEADER_MAX:
        raise broken(path, f"its array {quoted(name)} names a header of {length:,} bytes")
    return version, BytesIO(told + exactly(file, length, path))


def _described(file: IO[bytes], holder: Holder, name: str) -> StoredArray:
    path = holder.path
    try:
        version, header = _header(file, path, name)
        if version == (1, 0):
            shape, by_columns, dtype = np.lib.format.read_array_header_1_0(header)
        else:
            shape, by_columns, dtype = np.lib.format.read_array_header_2_0(header)
    except _HEADER_FAULTS as error:
        raise broken(path, f"its array {quoted(name)} has no header that numpy understands") from error
    start = len(_MAGIC) + 2 + header.tell()
    if dtype.hasobject:
        raise refused_pickle(path, f"its array {quoted(name)} holds Python objects")
    if any(side < 0 for side in shape):
        raise broken(path, f"its array {quoted(name)} has a side shorter than nothing")
    numbers = Numbers(dtype, unread="" if dtype.kind in "fiu" and dtype.itemsize <= 8 else quoted(dtype))
    return StoredArray(holder, name, start, shape, numbers, by_columns and len(shape) == 2)
