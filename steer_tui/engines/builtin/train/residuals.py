"""The residual stream after the steering layer, over many tokens."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steer_tui.engines.builtin.train.bpe import END_OF_TEXT
from steer_tui.engines.builtin.train.model import Transformer
from steer_tui.engines.builtin.train.packing import Tokenized

_BATCH = 32


@dataclass(frozen=True)
class Residuals:
    """Residuals [tokens, width] as float16, and what normalises them."""

    values: Tensor
    mean_norm: float

    @property
    def scale(self) -> float:
        """The factor that brings the mean norm to the square root of the width."""
        return float(self.values.shape[1] ** 0.5 / self.mean_norm)


@torch.no_grad()
def collect_residuals(
    model: Transformer, documents: Tokenized, chosen: NDArray[np.int64], progress: Callable[[int, int], None]
) -> Residuals:
    """The residuals at every position of the chosen documents but those of the end-of-text token.

    The end-of-text token is left out because its norm is like no other's: attention rests on it.
    """
    kept: list[Tensor] = []
    norms = 0.0
    for start in range(0, len(chosen), _BATCH):
        part = chosen[start : start + _BATCH]
        tokens = torch.from_numpy(documents.batch(part, model.architecture.context)[:, :-1])
        values = model.residual(tokens)[tokens != END_OF_TEXT]
        norms += float(values.norm(dim=-1).sum())
        kept.append(values.half())
        progress(start + len(part), len(chosen))
    values = torch.cat(kept)
    return Residuals(values, norms / len(values))
