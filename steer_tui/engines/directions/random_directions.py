"""Directions that mean nothing, to compare a feature with: drawn from a seed, where a feature or at a layer."""

import re
from dataclasses import dataclass
from typing import Self

import numpy as np

from steer_tui.domain import SEED_MAX, FeatureKind, Malformed, Rejected, Unsupported, safe_line
from steer_tui.engines.directions.model_shape import ModelShape
from steer_tui.engines.directions.opened import Opened
from steer_tui.engines.directions.pushes import Push
from steer_tui.engines.directions.readouts import projection
from steer_tui.vectors import WIDTH_MAX

_START = re.compile(r"\s*(?:random-(\d{1,10})/|(?i:random direction (\d{1,10}) at ))", re.ASCII)
"""How the name of a random direction begins, as an id and as a label."""

_LAYER = re.compile(r"layer[- ](-1|\d{1,5})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RandomName:
    """A random direction by its name, `random-SEED/` and the id of the feature that acts where it acts."""

    seed: int
    like: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What a text names by its id or its label, or None; like a random direction is like that one's feature."""
        text = text.strip()
        first, at = None, 0
        while (start := _START.match(text, at)) and start.end() < len(text):
            first, at = first or start, start.end()
        return cls(int(first[1] or first[2]), text[at:]) if first else None

    @property
    def id(self) -> str:
        """The name as one text."""
        return f"random-{self.seed}/{self.like}"

    @property
    def layer(self) -> int | None:
        """The layer that stands in for a feature, as in `random-7/layer-12`, or None where a feature is named."""
        layer = _LAYER.fullmatch(self.like)
        return int(layer[1]) if layer else None

    def check_seed(self) -> None:
        """Raise Rejected for a seed that cannot be."""
        if not 0 <= self.seed <= SEED_MAX:
            raise Rejected(f"The seed of a random direction lies between 0 and {SEED_MAX}; it is {self.seed}.")


def random_label(seed: int, like: str) -> str:
    """What a random direction is called where a feature of this label acts."""
    return f"random direction {seed} at {like}"


def drawn(like: Opened, seed: int) -> Opened:
    """A random direction at each layer where `like` acts, of the same lengths there."""
    draw = np.random.RandomState(seed)  # the one generator whose numbers never change between versions
    pushes: list[Push] = []
    for push in like.pushes:
        values = draw.standard_normal(len(push.values))
        length = np.linalg.norm(push.values.astype(np.float64)) / np.linalg.norm(values)
        pushes.append(Push(push.layer, (values * length).astype(np.float32)))
    return Opened(
        id=RandomName(seed, like.id).id,
        label=random_label(seed, like.label),
        kind=FeatureKind.RANDOM,
        pushes=tuple(pushes),
        read=projection(pushes),
    )


def layer_alone(layer: int, shape: ModelShape) -> Opened:
    """What stands in for a feature where only a layer is named. Raises `Misfit`, or `Unsupported` without a width."""
    shape.check_layer("A random direction", layer)
    if shape.width is None:
        raise Unsupported(
            f"How wide {safe_line(shape.name)} is cannot be known before a vector is open.",
            hint="Name a vector file first, and the random direction as random-7/FILE.",
        )
    if not 0 < shape.width <= WIDTH_MAX:
        raise Malformed(f"{safe_line(shape.name)} is said to be {shape.width:,} wide, which no model is.")
    push = Push(layer, np.full(shape.width, shape.width**-0.5, np.float32))
    return Opened(f"layer-{layer}", f"layer {layer}", FeatureKind.RANDOM, (push,), projection([push]))
