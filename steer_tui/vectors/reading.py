"""A file of steering vectors, read by its suffix."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from steer_tui.domain import NotFound, Unsupported
from steer_tui.vectors.direction import Direction
from steer_tui.vectors.faults import file_size, named
from steer_tui.vectors.formats.gguf_files import read_gguf
from steer_tui.vectors.formats.json_files import read_json_vectors, read_svec
from steer_tui.vectors.formats.npy_arrays import npy_array, npz_arrays
from steer_tui.vectors.formats.pickles import PICKLES, refused_pickle
from steer_tui.vectors.formats.plain_arrays import stored_directions
from steer_tui.vectors.formats.tensor_files import open_tensors
from steer_tui.vectors.saes.sae import is_sae
from steer_tui.vectors.vector_file import VectorFile

Read: TypeAlias = Callable[[Path], tuple[tuple[Direction, ...], str | None]]


def read_vector_file(path: Path) -> VectorFile:
    """What a .gguf, .svec, .npz, .npy, .safetensors or .json file holds.

    Raises `NotFound` where there is no file, `Unsupported` for what is never read (pickles, and files that need a
    library that is not installed), `Malformed` for a file that is not what its name says, and `Rejected` for one that
    the system does not let be read.
    """
    if is_sae(path):
        raise NotFound(
            f"{named(path)} is the folder of an SAE, which has many features.",
            hint=f"Name one by its index, such as {named(path)}#0.",
        )
    file_size(path)
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        raise refused_pickle(path)
    if suffix not in _READERS:
        raise Unsupported(
            f"{named(path)} is of no kind of file that holds vectors here.",
            hint=f"The kinds are {', '.join(_READERS)}.",
        )
    directions, model = _READERS[suffix](path)
    return VectorFile(path, directions, model)


def _read_npz(path: Path) -> tuple[tuple[Direction, ...], str | None]:
    return stored_directions(path, npz_arrays(path)), None


def _read_npy(path: Path) -> tuple[tuple[Direction, ...], str | None]:
    return stored_directions(path, {"vector": npy_array(path)}), None


def _read_safetensors(path: Path) -> tuple[tuple[Direction, ...], str | None]:
    held = open_tensors(path)
    return stored_directions(path, held.tensors), held.metadata.get("model") or None


_READERS: Mapping[str, Read] = {
    ".gguf": read_gguf,
    ".safetensors": _read_safetensors,
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".json": read_json_vectors,
    ".svec": read_svec,
}
