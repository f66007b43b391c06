"""The decoder-only transformer in numpy, with cached keys and values.

Pre-norm blocks with RMSNorm, rotary positions, causal attention and a squared-ReLU MLP; no biases; tied embedding.
Several positions at once are read here; one after another, as a text is drawn, in `decoding`.
"""

from collections.abc import Sequence as Ids

import numpy as np

from steer_tui.engines.builtin.catalogue import ModelCard
from steer_tui.engines.builtin.decoding import Decoder, Memory, Push, Step
from steer_tui.engines.builtin.weights import Complexes, Floats, ModelWeights

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
        self.rotations: Complexes = np.exp(1j * angles).astype(np.complex64)
        """[context, head / 2]"""
        self.decoder = Decoder(card, self.embedding, self.final_norm, self.layers, self.rotations)

    def sequence(self, push: Push | None = None) -> "Sequence":
        """A new, empty sequence; the push acts on the residual stream at every position, None leaves it."""
        return Sequence(self, push)


class Sequence:
    """One sequence: its cached keys and values, and what its latest position gave."""

    def __init__(self, model: Transformer, push: Push | None) -> None:
        card = model.card
        heads, d, head = card.heads, card.width, card.width // card.heads
        self._model = model
        self.push = push
        """What acts on the residual stream at new positions."""
        self._memory = Memory(
            keys=np.empty((card.layers, heads, head, card.context), np.float32),
            values=np.empty((card.layers, heads, card.context, head), np.float32),
            residual=np.empty(d, np.float32),
            logits=np.empty(card.vocabulary_size, np.float32),
        )

    @property
    def length(self) -> int:
        """Positions so far."""
        return self._settled().length

    @property
    def residual(self) -> Floats:
        """[d] the residual stream at the latest position behind the steered layer, pushed."""
        return self._settled().residual

    @property
    def logits(self) -> Floats:
        """[vocabulary] for the token that follows the latest position."""
        return self._settled().logits

    def rewind(self, length: int) -> None:
        """Take back all but the first positions; `residual` and `logits` stay until the next position is appended."""
        self._settled().length = length

    def prefill(self, ids: Ids[int]) -> None:
        """Append several positions at once."""
        residuals, x = self._append(ids)
        model, memory = self._model, self._memory
        memory.residual[:] = residuals[-1]
        np.dot(model.embedding, _normalised(x[-1:], model.card.norm_epsilon)[0] * model.final_norm, out=memory.logits)

    def read(self, ids: Ids[int]) -> tuple[Floats, Floats]:
        """Append several positions at once: the residuals [positions, d] and logits [positions, vocabulary] of all."""
        model, memory = self._model, self._memory
        residuals, x = self._append(ids)
        normed: Floats = _normalised(x, model.card.norm_epsilon) * model.final_norm
        logits = normed @ model.embedding.T
        memory.residual[:], memory.logits[:] = residuals[-1], logits[-1]
        return residuals, logits

    def step(self, token: int) -> None:
        """Append one position, with the push of now; computed when it is read, beside what else waits."""
        self._model.decoder.add(Step(self._memory, token, self.push))

    def _settled(self) -> Memory:
        self._model.decoder.settle(self._memory)
        return self._memory

    def _append(self, ids: Ids[int]) -> tuple[Floats, Floats]:
        """[positions, d] the residual stream of new positions behind the steered layer, and at the end."""
        model, card, memory = self._model, self._model.card, self._settled()
        heads, d, head = card.heads, card.width, card.width // card.heads
        start, end = memory.length, memory.length + len(ids)
        rotations = model.rotations[start:end, None]
        future = np.arange(end) > np.arange(start, end)[:, None]
        x = residuals = model.embedding[np.asarray(ids, np.intp)]
        for number, (qkv, attention_out, mlp_up, mlp_down) in enumerate(model.layers):
            mixed = _normalised(x, card.norm_epsilon) @ qkv
            mixed[:, : 2 * d].view(np.complex64).reshape(-1, 2 * heads, head // 2)[:] *= rotations
            queries, keys, values = mixed.reshape(-1, 3, heads, head).transpose(1, 2, 0, 3)
            memory.keys[number, :, :, start:end] = keys.transpose(0, 2, 1)
            memory.values[number, :, start:end] = values
            scores = queries @ memory.keys[number, :, :, :end]
            scores[:, future] = -np.inf
            scores -= scores.max(axis=2, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=2, keepdims=True)
            attended = (scores @ memory.values[number, :, :end]).transpose(1, 0, 2).reshape(-1, d)
            x += attended @ attention_out
            hidden = np.maximum(_normalised(x, card.norm_epsilon) @ mlp_up, 0)
            x += np.square(hidden, out=hidden) @ mlp_down
            if number + 1 == card.steering_layer:
                if self.push is not None:
                    self.push(x)
                residuals = x.copy()
        memory.length = end
        return residuals, x


def _normalised(x: Floats, epsilon: float) -> Floats:
    """[positions, d] with a mean square of 1 a row; the gains are in the matrices that follow."""
    mean_square: Floats = np.square(x).mean(axis=1, keepdims=True)
    scale: Floats = 1 / np.sqrt(mean_square + np.float32(epsilon))
    return x * scale
