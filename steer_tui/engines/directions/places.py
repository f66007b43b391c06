"""What a person's words name on disk: FILE, FILE@LAYER, FOLDER#INDEX, or nothing.

Nothing is looked at but the very file or folder that the words name.
"""

import re
from dataclasses import dataclass
from pathlib import Path

_READ = (".gguf", ".svec", ".npz", ".npy", ".safetensors", ".json")
_REFUSED = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib")

SUFFIXES = _READ + _REFUSED
"""How the names of files end that hold vectors, those that are refused with a reason among them."""

_LAYER = re.compile(r"(.+)@(-1|\d{1,5})", re.ASCII | re.DOTALL)
_INDEX = re.compile(r"(.+)#(\d{1,9})", re.ASCII | re.DOTALL)

_FOLDERS_INDEX = re.compile(r"/+#(?=\d{1,9}(?:@|$))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder that is there, and what of it is meant."""

    path: Path
    """Absolute; links in it are not followed, so that it stays as the person wrote it."""
    index: int | None = None
    """Which feature of an SAE."""
    layer: int | None = None
    """The layer that was named behind an `@`."""


def read_place(text: str) -> Place | None:
    """What a text names, or None where nothing of that name is there; a name may itself hold `#` and `@`."""
    return _there(text) or _tailed(text)


def absolute(text: str) -> Path | None:
    """The path that a text is, from the current folder or from home, or None where it cannot be one."""
    try:
        path = Path(text).expanduser().absolute()
        if ".." not in path.parts:
            return path
        return path.resolve() if path.name == ".." else path.parent.resolve() / path.name
    except (OSError, ValueError, RuntimeError):  # no such home, a loop of links, a NUL
        return None


def leads_to(name: str, id: str) -> bool:
    """Whether a name, in whatever way it is written, means the place that an id is; one may leave the layer out."""
    path = absolute(_FOLDERS_INDEX.sub("#", name))
    if path is None:
        return False
    return str(path) == id or str(path).startswith(f"{id}@") or id.startswith(f"{path}@")


def is_written_as_path(text: str) -> bool:
    """Whether a text can hardly be meant as words to search for."""
    body = _without_tail(text)
    return body != text or "/" in text or text.startswith("~") or body.casefold().endswith(SUFFIXES)


def is_surely_path(text: str) -> bool:
    """Whether a text cannot well be the label of anything either, such as `and/or` or `sae#5`."""
    body = _without_tail(text)
    is_tailed = body != text and "/" in body
    return is_tailed or body.startswith(("/", "./", "../", "~/")) or body.casefold().endswith(SUFFIXES)


def _tailed(text: str) -> Place | None:
    layer: int | None = None
    if at := _LAYER.fullmatch(text):
        text, layer = at[1], int(at[2])
        if place := _there(text, layer=layer):
            return place
    if number := _INDEX.fullmatch(text):
        return _there(number[1], int(number[2]), layer)
    return None


def _without_tail(text: str) -> str:
    if at := _LAYER.fullmatch(text):
        text = at[1]
    number = _INDEX.fullmatch(text)
    return number[1] if number else text


def _there(text: str, index: int | None = None, layer: int | None = None) -> Place | None:
    path = absolute(text)
    try:
        is_there = path is not None and (path.is_file() or path.is_dir())
    except (OSError, ValueError):  # too long for a name, or not to be looked at
        return None
    return Place(path, index, layer) if path is not None and is_there else None
