"""One more position for one sequence or for two side by side.

Reading a matrix takes longer than multiplying with it, so both sequences take their turn with each while it lies in the
processor's cache. Each has its own products, and so the same numbers whether or not another one runs beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from steer_tui.engines.builtin.catalogue import ModelCard
from steer_tui.engines.builtin.weights import Complexes, Floats

SIDE_BY_SIDE = 2
"""Sequences that take a step at once."""
_VOCABULARY_AT_ONCE = 1024
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


class Push(Protocol):
    """What steering does to the residual stream."""

    def __call__(self, residuals: Floats) -> None:
        """Change residuals [..., d] where they stand."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """A token that is to be taken in."""

    memory: Memory
    token: int
    push: Push | None
    """What acts on the residual stream at this position."""


class _Rows:
    """A vector of each sequence: [rows, size] as a whole, and one by one as views that are made once."""

    def __init__(self, rows: int, size: int) -> None:
        self.all = np.empty((rows, size), np.float32)
        self.each = list(self.all)

    def set_product(self, vectors: "_Rows", matrix: Floats) -> Floats:
        """Each sequence's vector times the matrix."""
        for vector, out in zip(vectors.each, self.each, strict=True):
            np.dot(vector, matrix, out)
        return self.all


class _Buffers:
    """What is computed on the way through the layers."""

    def __init__(self, rows: int, card: ModelCard) -> None:
        heads, d, head = card.heads, card.width, card.width // card.heads
        self.x = _Rows(rows, d)
        self.update = _Rows(rows, d)
        self.hidden = _Rows(rows, card.mlp_width)
        self.qkv = _Rows(rows, 3 * d)
        self.attended = _Rows(rows, d)
        self.scales = np.empty((rows, 1), np.float32)
        self.rotated = [row[: 2 * d].view(np.complex64).reshape(2 * heads, head // 2) for row in self.qkv.each]
        parts = [row.reshape(3, heads, head) for row in self.qkv.each]
        self.queries = [queries[:, None] for queries, _, _ in parts]
        self.keys = [keys for _, keys, _ in parts]
        self.values = [values for _, _, values in parts]
        self.attended_heads = [row.reshape(heads, 1, head) for row in self.attended.each]


class Decoder:
    """Takes steps, and lets each wait for company until somebody wants to see what it gave."""

    def __init__(self, card: ModelCard, embedding: Floats, final_norm: Floats,
                 layers: Sequence[tuple[Floats, Floats, Floats, Floats]], rotations: Complexes) -> None:  # fmt: skip
        """The matrices as `Transformer` lays them out."""
        self._card = card
        self._embedding = embedding
        self._final_norm = final_norm
        self._layers = layers
        self._rotations = rotations
        self._waiting: list[Step] = []
        self._buffers = [_Buffers(rows, card) for rows in range(1, SIDE_BY_SIDE + 1)]
        self._zeros = np.zeros(card.mlp_width, np.float32)

    def add(self, step: Step) -> None:
        """Let a step wait until its numbers are asked for, or until there is no room beside it."""
        self.settle(step.memory)
        if len(self._waiting) == SIDE_BY_SIDE:
            self._take_all()
        self._waiting.append(step)

    def settle(self, memory: Memory) -> None:
        """Take all steps that wait, if this memory's is one of them."""
        if any(step.memory is memory for step in self._waiting):
            self._take_all()

    def _take_all(self) -> None:
        steps, self._waiting = self._waiting, []
        buffers = self._buffers[len(steps) - 1]
        x, qkv, update, hidden = buffers.x, buffers.qkv, buffers.update, buffers.hidden
        add, multiply = np.add, np.multiply
        for row, step in zip(x.each, steps, strict=True):
            row[:] = self._embedding[step.token]
        for number, (to_qkv, attention_out, mlp_up, mlp_down) in enumerate(self._layers):
            multiply(qkv.set_product(x, to_qkv), self._inverse_norms(buffers, 1), qkv.all)
            for place, step in enumerate(steps):
                self._attend(number, place, step.memory, buffers)
            add(x.all, update.set_product(buffers.attended, attention_out), x.all)
            np.maximum(hidden.set_product(x, mlp_up), self._zeros, out=hidden.all)
            multiply(hidden.all, hidden.all, hidden.all)
            # relu(s·u)² = s²·relu(u)² for the norm's scale s > 0, so the shorter vector takes it.
            multiply(update.set_product(hidden, mlp_down), self._inverse_norms(buffers, 2), update.all)
            add(x.all, update.all, x.all)
            if number + 1 == self._card.steering_layer:
                for row, step in zip(x.each, steps, strict=True):
                    if step.push is not None:
                        step.push(row)
                    step.memory.residual[:] = row
        multiply(x.all, self._inverse_norms(buffers, 1), x.all)
        multiply(x.all, self._final_norm, x.all)
        for start in range(0, len(self._embedding), _VOCABULARY_AT_ONCE):
            part = slice(start, start + _VOCABULARY_AT_ONCE)
            for row, step in zip(x.each, steps, strict=True):
                np.dot(self._embedding[part], row, step.memory.logits[part])
        for step in steps:
            step.memory.length += 1

    def _attend(self, layer: int, row: int, memory: Memory, buffers: _Buffers) -> None:
        position, end = memory.length, memory.length + 1
        keys, values = memory.keys[layer], memory.values[layer]
        np.multiply(buffers.rotated[row], self._rotations[position], out=buffers.rotated[row])
        keys[:, :, position], values[:, position] = buffers.keys[row], buffers.values[row]
        scores = np.matmul(buffers.queries[row], keys[:, :, :end])
        scores -= np.maximum.reduce(scores, axis=2, keepdims=True)
        np.exp(scores, out=scores)
        attended = np.matmul(scores, values[:, :end], out=buffers.attended_heads[row])
        attended /= np.add.reduce(scores, axis=2, keepdims=True)

    def _inverse_norms(self, buffers: _Buffers, power: int) -> Floats:
        card, scales = self._card, buffers.scales
        for place, row in enumerate(buffers.x.each):
            scales[place, 0] = (float(row.dot(row)) / card.width + card.norm_epsilon) ** (-0.5 * power)
        return scales
