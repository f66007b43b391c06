"""Small vector files and SAE folders for tests, and an engine that offers them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scripted_engine import ScriptedEngine

from steer_tui.domain import Feature
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.directions.model_shape import ModelShape

WIDTH, LAYERS, FEATURES = 8, 6, 12
SHAPE = ModelShape("tiny-llama", WIDTH, LAYERS)


async def norm_at(layer: int) -> float | None:
    """50 at layer 0, 60 at layer 1 and so on; 40 at the embedding."""
    return 50.0 + 10.0 * layer


async def found(directions: Directions, query: str, shape: ModelShape = SHAPE) -> tuple[Feature, ...]:
    """What is found on a model of that shape."""
    return await directions.find(query, shape, norm_at)


async def one(directions: Directions, query: str) -> Feature:
    """The one feature that is found."""
    (feature,) = await found(directions, query)
    return feature


def row(seed: int, width: int = WIDTH) -> NDArray[np.float32]:
    """Some numbers."""
    return np.random.default_rng(seed).standard_normal(width).astype(np.float32)


def vector_file(path: Path, rows: Mapping[int, NDArray[np.float32]] | NDArray[np.float32]) -> Path:
    """A JSON file with a vector a layer, or one that does not say at which."""
    path.parent.mkdir(parents=True, exist_ok=True)
    by_layer = {f"layer.{layer}": values.tolist() for layer, values in rows.items()} if isinstance(rows, dict) else None
    path.write_text(json.dumps(by_layer if by_layer is not None else np.asarray(rows).tolist()))
    return path


def sae_folder(folder: Path, labels: Mapping[int, str] | None = None, *, width: int = WIDTH) -> Path:
    """An SAE as Gemma Scope keeps one; it acts where its path says, such as `layer_3/width_12`."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / "params.npz",
        W_enc=np.stack([row(100 + index, width) for index in range(FEATURES)], axis=1),
        W_dec=np.stack([row(200 + index, width) for index in range(FEATURES)]),
        b_enc=np.full(FEATURES, -0.5, np.float32),
        b_dec=np.zeros(width, np.float32),
        threshold=np.full(FEATURES, 1.25, np.float32),
    )
    if labels is not None:
        (folder / "labels.json").write_text(json.dumps({str(index): label for index, label in labels.items()}))
    return folder


class Offering(ScriptedEngine):
    """Offers what its directions find."""

    def __init__(self, directions: Directions) -> None:
        super().__init__()
        self.directions = directions

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """What the directions find for the model."""
        return await self.directions.find(query, SHAPE, norm_at, limit)
