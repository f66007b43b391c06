"""The decoder-only transformer in numpy: one sequence at a time, with cached keys and values.

Pre-norm blocks with RMSNorm, rotary positions, causal attention and a squared-ReLU MLP; no biases; tied embedding.
Each sequence is computed by itself, so that its numbers never depend on what else runs.
"""

from collections.abc import Sequence as Ids

import numpy as np

from steer_tui.engines.builtin.catalogue import ModelCard
from steer_tui.engines.builtin.weights import Floats, ModelWeights

PREFILL = 64
"""Positions to read in one go, so that a long text neither delays a cancel nor another stream."""


class Transformer:
    """The model, its weights laid out for decoding one token at a time."""

    def __init__(self, card: ModelCard, weights: ModelWeights) -> None:
        self.card = card
        self.embedding = weights.embedding
        self.final_norm = weights.final_norm
        head = card.width // card.heads
        # Rotary turns entry i of a head together with entry i + head/2. With the two side by side in memory, a head
        # is head/2 complex numbers and turning it one product; queries and keys are permuted alike, so their
        # products stay the same. The scale of the scores and the gains of the norms are folded into the matrices.
        paired = np.arange(head).reshape(2, head // 2).T.ravel()
        offsets = np.arange(0, 2 * card.width, head)[:, None]
        columns = np.concatenate([(offsets + paired).ravel(), np.arange(2 * card.width, 3 * card.width)])
        scale = np.ones(3 * card.width, np.float32)
        scale[: card.width] = head**-0.5
        self.layers = tuple(
            (
                np.ascontiguousarray((layer.attention_norm[:, None] * layer.qkv * scale)[:, columns]),
                layer.attention_out,
                layer.mlp_norm[:, None] * layer.mlp_up,
                layer.mlp_down,
            )
            for layer in weights.layers
        )
        """Per layer: qkv [d, 3d], attention out [d, d], MLP up [d, mlp], MLP down [mlp, d]."""
        angles = np.arange(card.context)[:, None] * card.rope_base ** (-np.arange(0, head, 2) / head)
        self.rotations: np.ndarray[tuple[int, int], np.dtype[np.complex64]] = np.exp(1j * angles).astype(np.complex64)
        """[context, head / 2]"""

    def sequence(self, delta: Floats | None = None) -> "Sequence":
        """A new, empty sequence; `delta` [d] is added to the residual stream at every position, None leaves it."""
        return Sequence(self, delta)


class Sequence:
    """One sequence: its cached keys and values, and what its latest position gave."""

    def __init__(self, model: Transformer, delta: Floats | None) -> None:
        card = model.card
        heads, d, head = card.heads, card.width, card.width // card.heads
        self._model = model
        self.delta = delta
        """[d] what new positions add to the residual stream; None adds nothing."""
        # The keys lie along the positions, so that a step's scores are sums of long rows.
        self._keys = np.empty((card.layers, heads, head, card.context), np.float32)
        self._values = np.empty((card.layers, heads, card.context, head), np.float32)
        self._x = np.empty(d, np.float32)
        self._scale = np.empty(1, np.float32)
        self._qkv = np.empty(3 * d, np.float32)
        self._turned = self._qkv[: 2 * d].view(np.complex64).reshape(2 * heads, head // 2)
        queries, self._new_keys, self._new_values = self._qkv.reshape(3, heads, head)
        self._queries = queries[:, None]
        self._attended = np.empty(d, np.float32)
        self._attended_heads = self._attended.reshape(heads, 1, head)
        self._update = np.empty(d, np.float32)
        self._hidden = np.empty(card.mlp_width, np.float32)
        self._zeros = np.zeros(card.mlp_width, np.float32)
        self.length = 0
        """Positions so far."""
        self.residual = np.empty(d, np.float32)
        """[d] the residual stream at the latest position behind the steered layer, the delta included."""
        self.logits = np.empty(card.vocabulary_size, np.float32)
        """[vocabulary] for the token that follows the latest position."""

    def rewind(self, length: int) -> None:
        """Take back all but the first positions; `residual` and `logits` stay until the next position is appended."""
        self.length = length

    def prefill(self, ids: Ids[int]) -> None:
        """Append several positions at once."""
        residuals, x = self._append(ids)
        self.residual[:] = residuals[-1]
        self._read_logits(x[-1])

    def read(self, ids: Ids[int]) -> tuple[Floats, Floats]:
        """Append several positions at once: the residuals [positions, d] and logits [positions, vocabulary] of all."""
        model = self._model
        residuals, x = self._append(ids)
        normed: Floats = _normalised(x, model.card.norm_epsilon) * model.final_norm
        logits = normed @ model.embedding.T
        self.residual[:], self.logits[:] = residuals[-1], logits[-1]
        return residuals, logits

    def _append(self, ids: Ids[int]) -> tuple[Floats, Floats]:
        """[positions, d] the residual stream of new positions behind the steered layer, and at the end."""
        model, card = self._model, self._model.card
        heads, d, head = card.heads, card.width, card.width // card.heads
        start, end = self.length, self.length + len(ids)
        rotations = model.rotations[start:end, None]
        future = np.arange(end) > np.arange(start, end)[:, None]
        x = residuals = model.embedding[np.asarray(ids, np.intp)]
        for number, (qkv, attention_out, mlp_up, mlp_down) in enumerate(model.layers):
            mixed = _normalised(x, card.norm_epsilon) @ qkv
            mixed[:, : 2 * d].view(np.complex64).reshape(-1, 2 * heads, head // 2)[:] *= rotations
            queries, keys, values = mixed.reshape(-1, 3, heads, head).transpose(1, 2, 0, 3)
            self._keys[number, :, :, start:end] = keys.transpose(0, 2, 1)
            self._values[number, :, start:end] = values
            scores = queries @ self._keys[number, :, :, :end]
            scores[:, future] = -np.inf
            scores -= scores.max(axis=2, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=2, keepdims=True)
            attended = (scores @ self._values[number, :, :end]).transpose(1, 0, 2).reshape(-1, d)
            x += attended @ attention_out
            hidden = np.maximum(_normalised(x, card.norm_epsilon) @ mlp_up, 0)
            x += np.square(hidden, out=hidden) @ mlp_down
            if number + 1 == card.steering_layer:
                if self.delta is not None:
                    x += self.delta
                residuals = x.copy()
        self.length = end
        return residuals, x

    def step(self, token: int) -> None:
        """Append one position: `prefill` of one token, written so that numpy makes and converts as little as it can."""
        card, position = self._model.card, self.length
        end = position + 1
        rotation = self._model.rotations[position]
        x, scale, qkv, turned, update, hidden = (
            self._x, self._scale, self._qkv, self._turned, self._update, self._hidden
        )  # fmt: skip
        dot, add, multiply = np.dot, np.add, np.multiply
        x[:] = self._model.embedding[token]
        for number, (to_qkv, attention_out, mlp_up, mlp_down) in enumerate(self._model.layers):
            keys, values = self._keys[number], self._values[number]
            dot(x, to_qkv, out=qkv)
            scale[0] = self._inverse_norm(x)
            multiply(qkv, scale, out=qkv)
            multiply(turned, rotation, out=turned)
            keys[:, :, position] = self._new_keys
            values[:, position] = self._new_values
            scores = np.matmul(self._queries, keys[:, :, :end])
            scores -= np.maximum.reduce(scores, axis=2, keepdims=True)
            np.exp(scores, out=scores)
            np.matmul(scores, values[:, :end], out=self._attended_heads)
            self._attended_heads /= add.reduce(scores, axis=2, keepdims=True)
            add(x, dot(self._attended, attention_out, out=update), out=x)
            dot(x, mlp_up, out=hidden)
            # relu(s·u)² = s²·relu(u)² for the norm's scale s > 0, so the shorter vector takes it.
            np.maximum(hidden, self._zeros, out=hidden)
            dot(np.square(hidden, out=hidden), mlp_down, out=update)
            scale[0] = self._inverse_norm(x) ** 2
            multiply(update, scale, out=update)
            add(x, update, out=x)
            if number + 1 == card.steering_layer:
                if self.delta is not None:
                    add(x, self.delta, out=x)
                self.residual[:] = x
        self.length = end
        self._read_logits(x)

    def _read_logits(self, x: Floats) -> None:
        np.dot(self._model.embedding, x * self._inverse_norm(x) * self._model.final_norm, out=self.logits)

    def _inverse_norm(self, x: Floats) -> float:
        card = self._model.card
        scale: float = (float(x.dot(x)) / card.width + card.norm_epsilon) ** -0.5
        return scale


def _normalised(x: Floats, epsilon: float) -> Floats:
    """[positions, d] with a mean square of 1 a row; the gains are in the matrices that follow."""
    mean_square: Floats = np.square(x).mean(axis=1, keepdims=True)
    scale: Floats = 1 / np.sqrt(mean_square + np.float32(epsilon))
    return x * scale
