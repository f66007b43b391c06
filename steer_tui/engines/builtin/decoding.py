"""One more position for one sequence or for two side by side, each matrix read once for both.

A product with two rows costs hardly more than one with a single row, because reading the matrix is what takes the time.
Every sequence has its row, and the other row stays zero where nobody is in it: a row's numbers depend on that row
alone, so a lane's text is the same whether or not another lane runs beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steer_tui.engines.builtin.catalogue import ModelCard
from steer_tui.engines.builtin.weights import Complexes, Floats

ROWS = 2
_VOCABULARY_AT_ONCE = 512
"""Rows of the embedding that still lie in the processor's cache when the second sequence takes its turn with them."""


@dataclass(slots=True)
class Memory:
    """What a sequence keeps from one position to the next."""

    keys: Floats
    """[layers, heads, head, context], along the positions, so that a step's scores are sums of long rows."""
    values: Floats
    """[layers, heads, context, head]"""
    residual: Floats
    """[d] behind the steered layer, at the latest position."""
    logits: Floats
    """[vocabulary] for the token that follows."""
    length: int = 0
    """Positions so far."""


@dataclass(frozen=True, slots=True)
class Step:
    """A token that is to be taken in."""

    memory: Memory
    token: int
    delta: Floats | None
    """[d] what is added to the residual stream at this position."""


class Decoder:
    """The buffers of a step, and the steps that wait for company, at most one a row."""

    def __init__(self, card: ModelCard, embedding: Floats, final_norm: Floats,
                 layers: Sequence[tuple[Floats, Floats, Floats, Floats]], rotations: Complexes) -> None:  # fmt: skip
        """The matrices as `Transformer` lays them out."""
        heads, d, head = card.heads, card.width, card.width // card.heads
        self._card = card
        self._embedding = embedding
        self._final_norm = final_norm
        self._layers = layers
        self._rotations = rotations
        self._waiting: dict[int, Step] = {}
        self._x = np.zeros((ROWS, d), np.float32)
        self._update = np.zeros((ROWS, d), np.float32)
        self._hidden = np.zeros((ROWS, card.mlp_width), np.float32)
        self._scales = np.ones((ROWS, 1), np.float32)
        self._qkv = np.zeros((ROWS, 3 * d), np.float32)
        self._attended = np.zeros((ROWS, d), np.float32)
        # Views of each row, made once: making one costs as much as using it.
        self._turned = [row[: 2 * d].view(np.complex64).reshape(2 * heads, head // 2) for row in self._qkv]
        parts = [row.reshape(3, heads, head) for row in self._qkv]
        self._queries = [part[0][:, None] for part in parts]
        self._keys_and_values = [(part[1], part[2]) for part in parts]
        self._attended_heads = [row.reshape(heads, 1, head) for row in self._attended]

    def add(self, row: int, step: Step) -> None:
        """Let a step wait until its numbers are asked for, or until its row is wanted again."""
        if row in self._waiting:
            self._take_all()
        self._waiting[row] = step

    def settle(self, memory: Memory) -> None:
        """Take all steps that wait, if this memory's is one of them."""
        if any(step.memory is memory for step in self._waiting.values()):
            self._take_all()

    def _take_all(self) -> None:
        steps, self._waiting = self._waiting, {}
        x = self._x
        x.fill(0)
        for row, step in steps.items():
            x[row] = self._embedding[step.token]
        for number, (to_qkv, attention_out, mlp_up, mlp_down) in enumerate(self._layers):
            np.dot(x, to_qkv, out=self._qkv)
            self._attended.fill(0)
            for row, step in steps.items():
                self._attend(number, row, step.memory)
            np.add(x, np.dot(self._attended, attention_out, out=self._update), out=x)
            np.dot(x, mlp_up, out=self._hidden)
            # relu(s·u)² = s²·relu(u)² for the norm's scale s > 0, so the shorter vector takes it.
            np.maximum(self._hidden, 0, out=self._hidden)
            np.dot(np.square(self._hidden, out=self._hidden), mlp_down, out=self._update)
            for row in steps:
                self._scales[row, 0] = self._inverse_norm(x[row]) ** 2
            np.multiply(self._update, self._scales, out=self._update)
            np.add(x, self._update, out=x)
            if number + 1 == self._card.steering_layer:
                for row, step in steps.items():
                    if step.delta is not None:
                        x[row] += step.delta
                    step.memory.residual[:] = x[row]
        self._read_logits(steps)

    def _attend(self, layer: int, row: int, memory: Memory) -> None:
        position, end = memory.length, memory.length + 1
        keys, values = memory.keys[layer], memory.values[layer]
        np.multiply(self._qkv[row], self._inverse_norm(self._x[row]), out=self._qkv[row])
        np.multiply(self._turned[row], self._rotations[position], out=self._turned[row])
        keys[:, :, position], values[:, position] = self._keys_and_values[row]
        scores = np.matmul(self._queries[row], keys[:, :, :end])
        scores -= np.maximum.reduce(scores, axis=2, keepdims=True)
        np.exp(scores, out=scores)
        attended = np.matmul(scores, values[:, :end], out=self._attended_heads[row])
        attended /= np.add.reduce(scores, axis=2, keepdims=True)

    def _read_logits(self, steps: dict[int, Step]) -> None:
        for row in steps:
            self._x[row] *= self._inverse_norm(self._x[row]) * self._final_norm
        for start in range(0, len(self._embedding), _VOCABULARY_AT_ONCE):
            part = slice(start, start + _VOCABULARY_AT_ONCE)
            for row, step in steps.items():
                np.dot(self._embedding[part], self._x[row], out=step.memory.logits[part])
        for step in steps.values():
            step.memory.length += 1

    def _inverse_norm(self, x: Floats) -> np.float32:
        return np.float32((float(x.dot(x)) / self._card.width + self._card.norm_epsilon) ** -0.5)
