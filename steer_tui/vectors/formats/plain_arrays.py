"""Which layer an array of a plain file acts at, by its name: `layer.N` or `direction.N`, as control vectors have it."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steer_tui.vectors.direction import EMBEDDING, Direction
from steer_tui.vectors.faults import broken, quoted, too_large
from steer_tui.vectors.formats.stored_array import WIDTH_MAX, StoredArray, check_direction

LAYERS_MAX = 1024
"""More blocks than any model has by far."""

EMBEDDING_NAME = "embedding"
"""The name of an array that is added to the embedding, before the first block."""

_LAYER = re.compile(r"(?:layer|direction)[._](\d{1,4})")


def stored_directions(path: Path, arrays: Mapping[str, StoredArray]) -> tuple[Direction, ...]:
    """The directions that a file's arrays are."""
    return directions_of(path, {name: array.shape for name, array in arrays.items()}, lambda name: arrays[name].whole())


def directions_of(
    path: Path, shapes: Mapping[str, tuple[int, ...]], numbers: Callable[[str], NDArray[np.float32]]
) -> tuple[Direction, ...]:
    """The directions of a file by layer; nothing is read before the names and the shapes of all are in order."""
    if len(shapes) > LAYERS_MAX:
        raise too_large(path, f"it holds {len(shapes):,} arrays")
    for name, shape in shapes.items():
        _check_shape(path, name, shape)
    layers = {name: _layer(name) for name in shapes}
    nameless = [name for name, layer in layers.items() if layer is None]
    if nameless and len(shapes) > 1:
        raise broken(
            path,
            f"it holds several arrays, and {quoted(nameless[0])} names no layer; they should be called layer.0, "
            "layer.1 and so on, or there should be one alone",
        )
    directions = tuple(
        Direction(check_direction(numbers(name), f"its array {quoted(name)}", path), layer)
        for name, layer in sorted(layers.items(), key=lambda item: -2 if item[1] is None else item[1])
    )
    check_together(path, directions)
    return directions


def check_together(path: Path, directions: tuple[Direction, ...]) -> None:
    """Raises for directions that are no one file's: none, of several widths, or two for one layer."""
    if not directions:
        raise broken(path, "it holds no vector")
    layers = [direction.layer for direction in directions]
    if len(set(layers)) < len(layers) or (None in layers and len(layers) > 1):
        raise broken(path, "two of its vectors are for the same layer")
    widths = sorted({len(direction.values) for direction in directions})
    if len(widths) > 1:
        raise broken(path, f"its vectors are of several widths, {widths[0]:,} and {widths[-1]:,}")


def _layer(name: str) -> int | None:
    if name == EMBEDDING_NAME:
        return EMBEDDING
    match = _LAYER.fullmatch(name)
    return int(match[1]) if match else None


def _check_shape(path: Path, name: str, shape: tuple[int, ...]) -> None:
    width = shape[-1] if shape else 0
    shown = " × ".join(f"{side:,}" for side in shape)
    if width > WIDTH_MAX:
        raise too_large(path, f"its array {quoted(name)} is {shown}")
    if len(shape) == 2 and min(shape) > 1:
        raise broken(
            path,
            f"its array {quoted(name)} is a table of {shown} and no vector; a feature of an SAE is named by its "
            "folder, as FOLDER#INDEX",
        )
    if width == 0 or shape not in ((width,), (1, width)):
        raise broken(path, f"its array {quoted(name)} is no vector" + (f" but {shown}" if shown else " but one number"))
