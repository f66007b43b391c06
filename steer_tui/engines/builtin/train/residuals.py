"""The residual stream after the steering layer, over many tokens."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from steer_tui.engines.builtin.train.bpe import END_OF_TEXT
from steer_tui.engines.builtin.train.model import Transformer
from steer_tui.engines.builtin.train.packing import Tokens

_BATCH = 16


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
def collect_residuals(model: Transformer, rows: Tokens, progress: Callable[[int, int], None]) -> Residuals:
    """The residuals at every position of the rows [rows, time] but those of the end-of-text token.

    The end-of-text token is left out because its norm is like no other's: attention rests on it.
    """
    kept: list[Tensor] = []
    norms = 0.0
    for start in range(0, len(rows), _BATCH):
        tokens = torch.from_numpy(rows[start : start + _BATCH, :-1].astype(np.int64))
        values = model.residual(tokens)[tokens != END_OF_TEXT]
        norms += float(values.norm(dim=-1).sum())
        kept.append(values.half())
        progress(min(start + _BATCH, len(rows)), len(rows))
    values = torch.cat(kept)
    return Residuals(values, norms / len(values))
