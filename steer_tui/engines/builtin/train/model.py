"""The transformer as it is trained; the package runs the same in numpy."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Architecture:
    """The sizes of the transformer."""

    vocabulary_size: int = 4096
    layers: int = 4
    width: int = 192
    heads: int = 6
    mlp_width: int = 768
    context: int = 512
    rope_base: float = 10000.0
    norm_epsilon: float = 1e-5
    steering_layer: int = 2


def rotary_tables(architecture: Architecture) -> tuple[Tensor, Tensor]:
    """Cosines and sines, both [context, head_dim]."""
    half = architecture.width // architecture.heads // 2
    frequencies = architecture.rope_base ** (-torch.arange(half, dtype=torch.float32) / half)
    angles = torch.outer(torch.arange(architecture.context, dtype=torch.float32), frequencies)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions for [..., time, head_dim], the first half of the dimensions paired with the second."""
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat((-second, first), dim=-1) * sine


class KeyValues:
    """The keys and values of the positions so far, for generation one token at a time."""

    def __init__(self, batch: int, time: int, architecture: Architecture) -> None:
        """An empty cache with room for `time` positions."""
        shape = (batch, architecture.heads, time, architecture.width // architecture.heads)
        self.keys = torch.empty(shape)
        self.values = torch.empty(shape)
        self.length = 0

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and values, each [batch, heads, time, head_dim], the new ones included."""
        end = self.length + keys.shape[2]
        self.keys[:, :, self.length : end] = keys
        self.values[:, :, self.length : end] = values
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]


class Block(nn.Module):
    """Attention and a squared-ReLU MLP, each behind an RMS norm and added to the residual stream."""

    def __init__(self, architecture: Architecture) -> None:
        """A block with the initialisation of the first step of training."""
        super().__init__()
        width, mlp_width = architecture.width, architecture.mlp_width
        self.heads = architecture.heads
        self.epsilon = architecture.norm_epsilon
        self.attention_norm = nn.Parameter(torch.ones(width))
        self.qkv = nn.Parameter(torch.randn(width, 3 * width) * width**-0.5)
        self.attention_out = nn.Parameter(torch.zeros(width, width))
        self.mlp_norm = nn.Parameter(torch.ones(width))
        self.mlp_up = nn.Parameter(torch.randn(width, mlp_width) * width**-0.5)
        self.mlp_down = nn.Parameter(torch.zeros(mlp_width, width))

    def forward(
        self, x: Tensor, cosine: Tensor, sine: Tensor, cache: KeyValues | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """The residual stream [batch, time, width] after this block; with a cache, of the new positions alone."""
        batch, time, width = x.shape
        normed = functional.rms_norm(x, (width,), self.attention_norm, self.epsilon)
        q, k, v = (normed @ self.qkv).view(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cosine, sine), rotate(k, cosine, sine)
        if cache is not None:
            k, v = cache.extend(k, v)
        causal = mask is None and time > 1
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        x = x + mixed.transpose(1, 2).reshape(batch, time, width) @ self.attention_out
        normed = functional.rms_norm(x, (width,), self.mlp_norm, self.epsilon)
        return x + functional.relu(normed @ self.mlp_up).square() @ self.mlp_down


class Transformer(nn.Module):
    """A decoder-only transformer with tied embedding."""

    def __init__(self, architecture: Architecture) -> None:
        """An untrained transformer of these sizes."""
        super().__init__()
        self.architecture = architecture
        self.embedding = nn.Parameter(torch.randn(architecture.vocabulary_size, architecture.width) * 0.02)
        self.layers = nn.ModuleList(Block(architecture) for _ in range(architecture.layers))
        self.cosine: Tensor
        self.sine: Tensor
        self.final_norm = nn.Parameter(torch.ones(architecture.width))
        cosine, sine = rotary_tables(architecture)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)

    def residual(self, tokens: Tensor, caches: list[KeyValues] | None = None) -> Tensor:
        """The residual stream [batch, time, width] after the steering layer."""
        return self._run(self.embedding[tokens], slice(0, self.architecture.steering_layer), caches)

    def logits_from(
        self, residual: Tensor, caches: list[KeyValues] | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Logits [batch, time, vocabulary] from the residual stream after the steering layer."""
        x = self._run(residual, slice(self.architecture.steering_layer, self.architecture.layers), caches, mask)
        return (
            functional.rms_norm(x, (x.shape[-1],), self.final_norm, self.architecture.norm_epsilon) @ self.embedding.T
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [batch, time, vocabulary]."""
        return self.logits_from(self.residual(tokens))

    def _run(self, x: Tensor, part: slice, caches: list[KeyValues] | None = None, mask: Tensor | None = None) -> Tensor:
        past = 0 if caches is None else caches[part.start].length
        cosine, sine = (table[past : past + x.shape[1]] for table in (self.cosine, self.sine))
        for number in range(part.start, part.stop):
            x = self.layers[number](x, cosine, sine, None if caches is None else caches[number], mask)
        return x
