"""The arrays of the embedded model, read from its folder, checked against its card, and held as float32."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from steer_tui.engines.builtin.catalogue import ModelCard, broken, missing

Floats: TypeAlias = NDArray[np.float32]
Complexes: TypeAlias = NDArray[np.complex64]
Shapes: TypeAlias = dict[str, tuple[int | str, ...]]


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """One block of the transformer; every matrix is used as x @ W."""

    attention_norm: Floats
    """[d]"""
    qkv: Floats
    """[d, 3d] queries, keys and values side by side, heads contiguous within each."""
    attention_out: Floats
    """[d, d]"""
    mlp_norm: Floats
    """[d]"""
    mlp_up: Floats
    """[d, mlp]"""
    mlp_down: Floats
    """[mlp, d]"""


@dataclass(frozen=True, slots=True)
class ModelWeights:
    """The language model."""

    embedding: Floats
    """[vocabulary, d] also the output layer."""
    layers: tuple[LayerWeights, ...]
    final_norm: Floats
    """[d]"""


@dataclass(frozen=True, slots=True)
class Directions:
    """The sparse autoencoder's features and the differences of means, both at the steered layer."""

    encoder: Floats
    """[features, d] one row a feature, so that the watched ones are gathered in one piece."""
    encoder_bias: Floats
    """[features]"""
    threshold: Floats
    """[features] what a feature's pre-activation must exceed to count."""
    decoder: Floats
    """[features, d] unit rows: the directions that steer."""
    means: Floats
    """[means, d] unit rows, which both steer and read."""
    means_bias: Floats
    """[means]"""


def read_model(folder: Path, card: ModelCard) -> ModelWeights:
    """The language model out of `model.npz`."""
    d, mlp = card.width, card.mlp_width
    layer: Shapes = {
        "attention_norm": (d,),
        "qkv": (d, 3 * d),
        "attention_out": (d, d),
        "mlp_norm": (d,),
        "mlp_up": (d, mlp),
        "mlp_down": (mlp, d),
    }
    shapes: Shapes = {"embedding": (card.vocabulary_size, d), "final_norm": (d,)}
    shapes |= {f"layers.{i}.{name}": shape for i in range(card.layers) for name, shape in layer.items()}
    arrays = _read(folder / "model.npz", shapes)
    layers = tuple(LayerWeights(**{name: arrays[f"layers.{i}.{name}"] for name in layer}) for i in range(card.layers))
    return ModelWeights(arrays["embedding"], layers, arrays["final_norm"])


def read_directions(folder: Path, card: ModelCard) -> Directions:
    """The directions out of `sae.npz`."""
    d = card.width
    shapes: Shapes = {
        "encoder": (d, "features"),
        "encoder_bias": ("features",),
        "threshold": ("features",),
        "decoder": ("features", d),
        "means.direction": ("means", d),
        "means.bias": ("means",),
    }
    arrays = _read(folder / "sae.npz", shapes)
    return Directions(
        encoder=np.ascontiguousarray(arrays["encoder"].T),
        encoder_bias=arrays["encoder_bias"],
        threshold=arrays["threshold"],
        decoder=arrays["decoder"],
        means=arrays["means.direction"],
        means_bias=arrays["means.bias"],
    )


def _read(path: Path, shapes: Shapes) -> dict[str, Floats]:
    """The named arrays of a file; a dimension given as a word must have one size wherever it stands."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.ascontiguousarray(file[name], np.float32) for name in shapes}
        sizes: dict[int | str, int] = {}
        for name, array in arrays.items():
            pairs = zip(shapes[name], array.shape, strict=False)
            expected = [sizes.setdefault(size, actual) if isinstance(size, str) else size for size, actual in pairs]
            if list(array.shape) != expected or array.ndim != len(shapes[name]):
                raise ValueError(f"{name} has the shape {list(array.shape)}, not {list(shapes[name])}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds values that are not numbers")
    except OSError as error:
        raise (missing(path, error) if error.errno else broken(path, error)) from error
    except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise broken(path, error) from error
    return arrays
