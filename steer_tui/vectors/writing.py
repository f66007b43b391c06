"""Steering vectors written to a file that other tools read too."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np

from steer_tui.domain import NotFound, Rejected, Unsupported
from steer_tui.vectors.direction import EMBEDDING, Direction
from steer_tui.vectors.faults import named, without_library
from steer_tui.vectors.formats.gguf_files import write_gguf
from steer_tui.vectors.formats.plain_arrays import EMBEDDING_NAME, check_together
from steer_tui.vectors.formats.stored_array import check_direction
from steer_tui.vectors.vector_file import VectorFile

Write: TypeAlias = Callable[[Path, tuple[Direction, ...], str | None], None]


def write_vectors(path: Path, vectors: VectorFile) -> None:
    """Write directions to a .gguf or a .safetensors file, whole or not at all; `vectors.path` is not looked at.

    A .gguf file names blocks from 0 alone, so a direction at the embedding, or at no layer in particular, needs a
    .safetensors file.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise Unsupported(
            f"{named(path)} is of no kind that vectors are written to.",
            hint=f"The kinds are {' and '.join(_WRITERS)}.",
        )
    for direction in vectors.directions:
        check_direction(direction.values, "one of the vectors", path)
    check_together(path, vectors.directions)
    with _in_its_place(path) as part:
        write(part, vectors.directions, vectors.model)


@contextmanager
def _in_its_place(path: Path) -> Iterator[Path]:
    """A file beside the path, which takes its place once it is written whole."""
    part = path.with_name(f".{path.stem[:40]}-{secrets.token_hex(4)}.part")
    try:
        # not tempfile's, which only its owner may read: who may read a file is for the person's umask to say
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileNotFoundError as error:
        raise NotFound(f"There is no folder {named(path.parent)}.", hint="Make it first.") from error
    except OSError as error:
        raise _unwritten(path, error) from error
    try:
        yield part
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _unwritten(path, error) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _unwritten(path: Path, error: OSError) -> Rejected:
    return Rejected(
        f"{named(path)} could not be written: {error.strerror or error}.", hint="Choose another place for it."
    )


def _write_gguf(path: Path, directions: tuple[Direction, ...], model: str | None) -> None:
    if any(direction.layer is None or direction.layer == EMBEDDING for direction in directions):
        raise Unsupported(
            "A .gguf file names the block, from 0, that each vector acts at, and one of these acts at none.",
            hint="Name a layer, or write a .safetensors file.",
        )
    write_gguf(path, directions, model)


def _write_safetensors(path: Path, directions: tuple[Direction, ...], model: str | None) -> None:
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise without_library("safetensors") from error
    arrays = {_name(direction.layer): np.ascontiguousarray(direction.values, np.float32) for direction in directions}
    path.write_bytes(save(arrays, {"model": model} if model else None))


def _name(layer: int | None) -> str:
    if layer is None:
        return "vector"
    return EMBEDDING_NAME if layer == EMBEDDING else f"layer.{layer}"


_WRITERS: Mapping[str, Write] = {".gguf": _write_gguf, ".safetensors": _write_safetensors}
