"""Differences of means: what sets the sentences that show a concept apart from the others, seen in three ways."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from steer_tui.engines.builtin.train.readings import Readings
from steer_tui.engines.builtin.train.sae import SparseAutoencoder

_FEATURES = 4


def differences_of_means(
    readings: Readings, sae: SparseAutoencoder, positive: Tensor, negative: Tensor
) -> Iterator[Tensor]:
    """Unit directions [width] from the negative sentences to the positive ones, both masks [sentences].

    First the difference of their mean residuals. Then the same as the few SAE features see it that tell the two apart
    best, for it drags less along of what merely goes with the concept (compare "feature guided activation additions",
    Soo et al. 2025). Last the whitened difference at the token before the sentence, where a text decides to exclaim.
    """
    residuals = readings.mean_residual
    yield functional.normalize(_difference(residuals, positive, negative), dim=0)
    yield functional.normalize(sparse(readings.mean_activation, positive, negative) @ sae.decoder, dim=0)
    positive, negative = positive & readings.follows, negative & readings.follows
    if positive.any() and negative.any():
        difference = _difference(readings.onset, positive, negative)
        yield functional.normalize(whitened(difference, readings.onset[positive | negative]), dim=0)


def sparse(activations: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """[features] the difference of mean activations [sentences, features], in the few that tell the two apart best."""
    difference = _difference(activations, positive, negative)
    told = difference / activations[positive | negative].std(0).clamp_min(1e-6)
    kept = told.topk(min(_FEATURES, len(told))).indices
    return torch.zeros_like(difference).index_copy_(0, kept, difference[kept])


def whitened(difference: Tensor, residuals: Tensor) -> Tensor:
    """[width] the difference of means of residuals [n, width], each way divided by how far they spread that way.

    Fisher's linear discriminant; to the spread the same is added in all ways, its mean, as few ways are well known.
    """
    spread = residuals.T.cov()
    steady = spread + spread.diagonal().mean() * torch.eye(len(spread))
    solution: Tensor = torch.linalg.solve(steady, difference)
    return solution


def _difference(rows: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    return rows[positive].mean(0) - rows[negative].mean(0)
