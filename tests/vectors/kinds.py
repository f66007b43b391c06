"""One vector in each kind of file, and what a sentence about any of them should be."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from vectors.making import random_numbers, save_gguf, save_npz, write_tensors

from steer_tui.domain import SteerError

V = random_numbers(1, 8)


def safetensors(path: Path, values: np.ndarray = V) -> Path:
    return write_tensors(path, {"layer.3": values})


def npz(path: Path, values: np.ndarray = V) -> Path:
    return save_npz(path, {"layer.3": values})


def compressed(path: Path, values: np.ndarray = V) -> Path:
    return save_npz(path, {"layer.3": values}, compressed=True)


def npy(path: Path, values: np.ndarray = V) -> Path:
    with path.open("wb") as file:
        np.save(file, values)
    return path


def gguf(path: Path, values: np.ndarray = V) -> Path:
    return save_gguf(path, {"direction.3": values})


def as_json(path: Path, values: np.ndarray = V) -> Path:
    path.write_text(json.dumps({"layer.3": values.tolist()}))
    return path


def svec(path: Path, values: np.ndarray = V) -> Path:
    path.write_text(json.dumps({"model_type": "llama", "directions": {"3": [values.tolist()]}}))
    return path


MAKERS: dict[str, Callable[..., Path]] = {
    "v.safetensors": safetensors,
    "v.npz": npz,
    "packed.npz": compressed,
    "v.npy": npy,
    "v.gguf": gguf,
    "v.json": as_json,
    "v.svec": svec,
}
every_kind = pytest.mark.parametrize("name", MAKERS)


def one_clear_sentence(error: SteerError, path: Path) -> None:
    assert str(path) in error.message
    assert error.message.endswith(".")
    assert "\n" not in error.message
    assert error.hint not in ("", type(error).default_hint)
