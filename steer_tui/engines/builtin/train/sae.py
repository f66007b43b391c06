"""A BatchTopK sparse autoencoder on the residual stream."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from steer_tui.engines.builtin.train.residuals import Residuals

_ACTIVE = 16
_RATE = 1e-3
_AUXILIARY_WEIGHT = 1 / 32
_AUXILIARY_ACTIVE = 96
_DEAD_AFTER_TOKENS = 400_000
_THRESHOLD_STEPS = 300


@dataclass(frozen=True)
class SparseAutoencoder:
    """The form for inference, on raw residuals: pre = h @ encoder + encoder_bias, kept where above the threshold."""

    encoder: Tensor
    encoder_bias: Tensor
    threshold: Tensor
    decoder: Tensor
    unexplained: float
    dead: int

    def activations(self, residual: Tensor) -> Tensor:
        """Activations [..., features] at residuals [..., width]."""
        pre = residual @ self.encoder + self.encoder_bias
        return torch.where(pre > self.threshold, pre, torch.zeros(()))


def train_sae(residuals: Residuals, width: int, steps: int, batch: int, seed: int,
              progress: Callable[[int, int, str], None]) -> SparseAutoencoder:  # fmt: skip
    """A sparse autoencoder with unit decoder rows, on average 16 features active a token."""
    generator = torch.Generator().manual_seed(seed)
    d = residuals.values.shape[1]
    scale = residuals.scale
    decoder = functional.normalize(torch.randn(width, d, generator=generator), dim=1).requires_grad_()
    encoder = decoder.detach().T.clone().requires_grad_()
    encoder_bias = torch.zeros(width, requires_grad=True)
    sample = residuals.values[: 1 << 16].float() * scale
    center = sample.mean(0).requires_grad_()
    optimizer = torch.optim.Adam([decoder, encoder, encoder_bias, center], lr=_RATE, betas=(0.9, 0.999))
    silent_for = torch.zeros(width)
    order = torch.randperm(len(residuals.values), generator=generator)
    threshold = torch.zeros(())
    unexplained = 1.0
    for step in range(steps):
        rate = min(1.0, (step + 1) / 100, 3 * (steps - step) / steps)
        optimizer.param_groups[0]["lr"] = _RATE * rate
        chosen = order[torch.arange(step * batch, (step + 1) * batch) % len(order)]
        x = residuals.values[chosen].float() * scale
        pre = (x - center) @ encoder + encoder_bias
        active, smallest = _batch_top_k(functional.relu(pre), _ACTIVE * batch)
        output = active @ decoder + center
        error = x - output
        loss = error.square().sum(1).mean()
        dead = silent_for > _DEAD_AFTER_TOKENS
        if dead.any():
            loss = loss + _AUXILIARY_WEIGHT * _auxiliary_loss(pre, dead, decoder, error.detach())
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            # Only what turns a unit row is left of its gradient; its length is fixed.
            grad = decoder.grad
            assert grad is not None
            grad -= (grad * decoder).sum(1, keepdim=True) * decoder
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            decoder.copy_(functional.normalize(decoder, dim=1))
            silent_for = torch.where((active > 0).any(0), 0, silent_for + batch)
            weight = 1 / min(step + 1, _THRESHOLD_STEPS)
            threshold.lerp_(smallest, weight)
            share = float(error.square().sum() / (x - x.mean(0)).square().sum())
            unexplained += weight * (share - unexplained)
        progress(step + 1, steps, f"{unexplained:.3f} unexplained, {int(dead.sum())} dead")
    with torch.no_grad():
        bias = encoder_bias - center @ encoder
        return SparseAutoencoder(
            (encoder * scale).detach(), bias, threshold.expand(width).clone(), decoder.detach(), unexplained,
            int((silent_for > _DEAD_AFTER_TOKENS).sum()),
        )  # fmt: skip


def _batch_top_k(activations: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest activations of the whole batch, and the smallest of them."""
    # numpy finds the k-th largest of millions several times as fast as torch does on a CPU.
    flat = activations.detach().numpy().ravel()
    smallest = torch.tensor(np.partition(flat, -count)[-count]).clamp_min(1e-6)
    return torch.where(activations >= smallest, activations, torch.zeros(())), smallest


def _auxiliary_loss(pre: Tensor, dead: Tensor, decoder: Tensor, error: Tensor) -> Tensor:
    """How well the features that never fire could explain what is left over."""
    count = min(_AUXILIARY_ACTIVE, int(dead.sum()))
    values, places = pre[:, dead].topk(count, dim=1)
    sparse = torch.zeros_like(pre[:, dead]).scatter(1, places, functional.relu(values))
    return (error - sparse @ decoder[dead]).square().sum(1).mean()
