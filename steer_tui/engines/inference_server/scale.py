"""The unit of a feature, which no answer of the server names: taken from the residual stream's size where it shows.

The server gives the dot product of the residual stream with any vector that it is sent. Along a random direction of
signs, the squared dot product is the squared norm over the model's width, on average; so a few such directions tell
the mean norm, at the layer where the feature acts, and a notch is the same dose as on every other engine.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt

from steer_tui.domain import DOSE_PER_NOTCH, Malformed, Rejected, Unsupported
from steer_tui.engines.inference_server.answers import ActivationAnswer, SaeVectorAnswer
from steer_tui.engines.inference_server.connection import Connection
from steer_tui.engines.inference_server.steering import HookedVector
from steer_tui.engines.names import FeatureName
from steer_tui.wire import read_answer

PROBES = 16
"""Random directions that tell a norm; its standard error is at most 18 %, and mostly far below."""

FALLBACK_UNIT = 10.0
NOTCHES_TO_MAXIMUM = 5.0

SENTENCES = (
    "The ship left the harbour before dawn. My sister teaches biology at a small school near the river, and she has "
    "two dogs. In 2019 the company sold its offices in Paris for 3 million dollars! Why did nobody ask the doctor?"
)
"""What the scales are measured on: about 50 tokens of plain text."""

_CANNOT = (Unsupported, Rejected, Malformed)
"""What a server answers that cannot measure; a feature that is not there is none of these."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A unit, and what it was taken from."""

    unit: float
    origin: str
    residual_norm: float | None = None


class Scales:
    """Measures scales, and keeps what it has measured: the norm is the same for all features of a place."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: dict[tuple[str, FeatureName], HookedVector] = {}
        self._norms: dict[tuple[str, str], float | None] = {}

    async def row(self, name: FeatureName, model: str) -> HookedVector:
        """The decoder row of a feature; raises NotFound where there is no such feature."""
        key = (model, name)
        if key not in self._rows:
            body = {"model": name.model or model, "source": name.source, "index": name.index}
            told = read_answer(SaeVectorAnswer, await self._connection.post("/v1/util/sae-vector", body))
            self._rows[key] = HookedVector(told.vector, told.hook_name)
        return self._rows[key]

    async def scale(self, name: FeatureName, model: str) -> Scale:
        """The scale of a feature; raises NotFound where there is no such feature."""
        norm = await self._norm_at(name, model)
        if norm:
            origin = f"0.04 × the mean residual norm, estimated with {PROBES} random directions"
            return Scale(DOSE_PER_NOTCH * norm, origin, norm)
        maximum = await self._maximum(name, model)
        if maximum > 0:
            return Scale(maximum / NOTCHES_TO_MAXIMUM, "a fifth of its maximum activation on a few sentences")
        return Scale(FALLBACK_UNIT, "10, since this server tells no scale")

    async def _norm_at(self, name: FeatureName, model: str) -> float | None:
        try:
            row = await self.row(name, model)
        except _CANNOT:
            return None
        key = (model, row.hook)
        if key not in self._norms:
            try:
                self._norms[key] = await self._measure_norm(row, name.model or model)
            except _CANNOT:
                self._norms[key] = None
        return self._norms[key]

    async def _measure_norm(self, row: HookedVector, model: str) -> float | None:
        if "resid" not in row.hook or not row.values or self._connection.capabilities.lacks("activation_single"):
            return None
        squares: list[list[float]] = []
        for seed in range(PROBES):
            body = {"prompt": SENTENCES, "model": model, "vector": _signs(seed, len(row.values)), "hook": row.hook}
            answer = read_answer(ActivationAnswer, await self._connection.post("/v1/activation/single", body))
            squares.append([value * value * len(row.values) for value in _ordinary(answer)])
        if len({len(one) for one in squares}) != 1 or not squares[0]:
            return None
        norm = sum(sqrt(sum(token) / PROBES) for token in zip(*squares, strict=True)) / len(squares[0])
        return norm if isfinite(norm) else None

    async def _maximum(self, name: FeatureName, model: str) -> float:
        body = {
            "prompt": SENTENCES,
            "model": name.model or model,
            "source": name.source,
            "index": str(name.index),
        }
        try:
            answer = read_answer(ActivationAnswer, await self._connection.post("/v1/activation/single", body))
        except _CANNOT:
            return 0.0
        return max(answer.activation.values, default=0.0)


def random_unit(seed: int, size: int) -> tuple[float, ...]:
    """A direction that means nothing: the same seed gives the same one."""
    draw = random.Random(seed)
    values = [draw.gauss(0.0, 1.0) for _ in range(size)]
    norm = sqrt(sum(value**2 for value in values))
    return tuple(round(value / norm, 7) for value in values)


def _signs(seed: int, size: int) -> Sequence[float]:
    """A direction of the cube's corners: residual streams with a few huge coordinates do not mislead it."""
    bits = random.Random(seed).getrandbits(size)
    part = round(1 / sqrt(size), 7)
    return [part if bits >> place & 1 else -part for place in range(size)]


def _ordinary(answer: ActivationAnswer) -> Sequence[float]:
    """The values without the first token's, whose norm is like no other's, and without those of special tokens."""
    values, special = answer.activation.values, answer.tokens_is_special
    if len(special) != len(values):
        special = (False,) * len(values)
    return [value for value, is_special in list(zip(values, special, strict=True))[1:] if not is_special]
