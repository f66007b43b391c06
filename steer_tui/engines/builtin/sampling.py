"""How the next token is drawn from the logits."""

import math

import numpy as np

from steer_tui.domain import Sampling
from steer_tui.engines.builtin.weights import Floats

_COLDEST = 1e-6
"""Below this temperature nothing but the most likely token is left, and float32 would overflow."""


class Sampler:
    """Draws a lane's tokens; the same sampling draws the same tokens from the same logits."""

    def __init__(self, sampling: Sampling) -> None:
        self._greedy = sampling.temperature == 0
        self._sharpness = np.float32(1 / max(sampling.temperature, _COLDEST))
        self._generator = np.random.Generator(np.random.PCG64(sampling.seed))

    def draw(self, logits: Floats) -> tuple[int, float]:
        """A token and the logarithm of its probability under the distribution it was drawn from.

        Where the most likely token is taken instead of drawn, the distribution is the model's own (temperature 1).
        """
        scaled = logits - logits.max()
        if not self._greedy:
            scaled *= self._sharpness
        cumulative = np.cumsum(np.exp(scaled), dtype=np.float64)
        total = float(cumulative[-1])
        if not math.isfinite(total):
            raise FloatingPointError("the logits are not numbers")
        if self._greedy:
            token = int(scaled.argmax())
        else:
            drawn = self._generator.random() * total
            token = min(int(cumulative.searchsorted(drawn, side="right")), len(logits) - 1)
        return token, float(scaled[token]) - math.log(total)
