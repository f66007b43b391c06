"""How the next token is drawn from the logits."""

import math

import numpy as np

from steer_tui.domain import Sampling
from steer_tui.engines.builtin.characters import Unfinished
from steer_tui.engines.builtin.weights import Floats

_COLDEST = 1e-6
"""Below this temperature nothing but the most likely token is left, and float32 would overflow."""


class Sampler:
    """Draws a lane's tokens; the same sampling draws the same tokens from the same logits."""

    def __init__(self, sampling: Sampling, drawn: int = 0) -> None:
        self._greedy = sampling.temperature == 0
        self._sharpness = np.float32(1 / max(sampling.temperature, _COLDEST))
        self._generator = np.random.Generator(np.random.PCG64(sampling.seed).advance(drawn))
        self.drawn = drawn
        """Random numbers used so far: a sampler that starts there goes on as this one does."""

    def draw(self, logits: Floats, unfinished: Unfinished, left: int) -> tuple[int, float]:
        """A token and the logarithm of its probability under the distribution it was drawn from.

        A token that would break a character, or begin one that `left` more tokens cannot finish, is put back and
        another one drawn from the rest. Where the most likely token is taken instead of drawn, the distribution is the
        model's own (temperature 1).
        """
        scaled = logits - logits.max()
        if not self._greedy:
            scaled *= self._sharpness
        weights = np.exp(scaled)
        cumulative = np.cumsum(weights, dtype=np.float64)
        total = float(cumulative[-1])
        if not math.isfinite(total):
            raise FloatingPointError("the logits are not numbers")
        token = int(scaled.argmax()) if self._greedy else self._drawn_from(cumulative)
        if not unfinished.admits(token, left):
            token = self._drawn_of(unfinished.admitted(left), scaled, weights)
        return token, float(scaled[token]) - math.log(total)

    def _drawn_from(self, cumulative: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> int:
        self.drawn += 1
        drawn = self._generator.random() * cumulative[-1]
        return min(int(cumulative.searchsorted(drawn, side="right")), len(cumulative) - 1)

    def _drawn_of(self, admitted: "np.ndarray[tuple[int], np.dtype[np.bool_]]", scaled: Floats, weights: Floats) -> int:
        cumulative = np.cumsum(np.where(admitted, weights, 0), dtype=np.float64)
        if self._greedy or not cumulative[-1]:
            return int(np.where(admitted, scaled, -np.inf).argmax())
        return self._drawn_from(cumulative)
