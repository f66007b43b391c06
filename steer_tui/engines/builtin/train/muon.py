"""Muon: momentum whose update is made orthogonal, for the matrices of the transformer."""

from collections.abc import Iterable

import torch
from torch import Tensor

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalised(matrix: Tensor, steps: int = 5) -> Tensor:
    """A matrix near the closest orthogonal one, by Newton-Schulz iteration."""
    a, b, c = _COEFFICIENTS
    x = matrix / (matrix.norm() + 1e-7)
    transposed = x.shape[0] > x.shape[1]
    if transposed:
        x = x.T
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.T if transposed else x
    return result


class Muon(torch.optim.Optimizer):
    """Nesterov momentum with an orthogonal update."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        """An optimizer for matrices used as x @ W."""
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every matrix."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(state["momentum"], group["momentum"])
                # Queries, keys and values lie side by side: three matrices, each made orthogonal by itself.
                rows, columns = parameter.shape
                pieces = 3 if columns == 3 * rows else 1
                scale = max(1.0, columns / pieces / rows) ** 0.5
                update = torch.cat([orthogonalised(piece) for piece in update.chunk(pieces, dim=1)], dim=1)
                parameter.add_(update, alpha=-group["lr"] * scale)
