"""Small JSON files: settings beside weights, and vectors written as lists of numbers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import Unsupported
from steer_tui.vectors.direction import Direction
from steer_tui.vectors.faults import broken, exactly, file_size, named, quoted, reading, too_large
from steer_tui.vectors.formats.plain_arrays import directions_of

VECTORS_MAX = 64 << 20
"""Bytes of the largest model's vectors at all of its layers, as decimal numbers, and then some."""

SETTINGS_MAX = 4 << 20


def read_json(path: Path, most: int = SETTINGS_MAX) -> Any:
    """What a JSON file says, if it is no longer than `most` bytes."""
    size = file_size(path)
    if size > most:
        raise too_large(path, f"it has {size:,} bytes, and {most:,} are the most that is read")
    with reading(path) as file:
        text = exactly(file, size, path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise broken(path, "it is not JSON, or it is cut short") from error


def read_settings(path: Path) -> Mapping[str, Any]:
    """What a JSON file says of the weights beside it."""
    told = read_json(path)
    if not isinstance(told, dict):
        raise broken(path, "it should hold names and values, as {…}")
    return told


def read_json_vectors(path: Path) -> tuple[tuple[Direction, ...], str | None]:
    """The directions of a .json file, and the model that they are for where it says.

    A list of numbers is one direction; {"layer.14": […]} names layers, and so does what AISteer360 writes.
    """
    told = read_json(path, VECTORS_MAX)
    if isinstance(told, list):
        return _directions(path, {"vector": told}), None
    if isinstance(told, dict) and "directions" in told:
        return _by_layer(path, told)
    if not isinstance(told, dict):
        raise broken(path, "it should hold a list of numbers, or lists by layer")
    lists = {str(name): value for name, value in told.items() if isinstance(value, list)}
    return _directions(path, lists), _model(told)


def read_svec(path: Path) -> tuple[tuple[Direction, ...], str | None]:
    """The directions of a .svec file as AISteer360 writes it, and the model's type."""
    told = read_json(path, VECTORS_MAX)
    if not isinstance(told, dict) or "directions" not in told:
        raise broken(path, "it names no directions, as a steering vector of AISteer360 does")
    return _by_layer(path, told)


def _by_layer(path: Path, told: Mapping[str, Any]) -> tuple[tuple[Direction, ...], str | None]:
    directions = told["directions"]
    if not isinstance(directions, dict):
        raise broken(path, "its directions are not lists by layer")
    for layer, rows in directions.items():
        if isinstance(rows, list) and len(rows) > 1 and isinstance(rows[0], list):
            raise Unsupported(
                f"{named(path)} holds {len(rows)} rows for layer {quoted(layer)}, one for each position or attention "
                "head, and not one direction of the residual stream.",
                hint="Make it with a method that gives one row a layer, such as CAA.",
            )
    return _directions(path, {f"layer.{layer}": rows for layer, rows in directions.items()}), _model(told)


def _directions(path: Path, lists: Mapping[str, Any]) -> tuple[Direction, ...]:
    arrays = {name: _array(path, name, value) for name, value in lists.items()}
    return directions_of(
        path, {name: array.shape for name, array in arrays.items()}, lambda name: arrays[name].reshape(-1)
    )


def _array(path: Path, name: str, value: Any) -> NDArray[np.float32]:
    rows = value if isinstance(value, list) else [None]
    numbers = rows[0] if len(rows) == 1 and isinstance(rows[0], list) else rows
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        raise broken(path, f"{quoted(name)} is not a list of numbers")
    try:
        with np.errstate(over="ignore"):
            return np.asarray(rows, dtype=np.float64).astype(np.float32)
    except (ValueError, OverflowError) as error:
        raise broken(path, f"{quoted(name)} is not a list of numbers of a sensible size") from error


def _model(told: Mapping[str, Any]) -> str | None:
    for key in ("model", "model_type", "model_name"):
        if isinstance(told.get(key), str) and told[key].strip():
            return str(told[key])
    return None
