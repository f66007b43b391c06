"""What the tests ask of the engine: requests with vectors that lie in files."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from steer_tui.domain import Dial, Feature, GenerationRequest, Lane, Method, Sampling, SteeringVector
from steer_tui.engines import Engine

STEERED, DEFAULT = (Lane.STEERED,), (Lane.DEFAULT,)


def vector_file(folder: Path, name: str, rows: dict[int, list[float]]) -> Path:
    """A file of vectors by layer."""
    path = folder / f"{name}.npz"
    np.savez(path, **{f"layer.{layer}": np.array(row, np.float32) for layer, row in rows.items()})
    return path


async def opened(engine: Engine, path: Path | str) -> Feature:
    """The feature that a path names."""
    (feature,) = await engine.find_features(str(path))
    return feature


def asked(
    *dials: tuple[Feature, float],
    lanes: tuple[Lane, ...] = STEERED,
    prompt: str = "Once upon",
    method: Method = Method.ADDITIVE,
    chat: bool = False,
    **sampling: object,
) -> GenerationRequest:
    vector = SteeringVector.of([Dial(feature, value) for feature, value in dials], method)
    settings = replace(Sampling(max_tokens=8), **sampling)  # type: ignore[arg-type]
    return GenerationRequest(prompt, settings, vector, lanes, chat=chat)
