"""Training the transformer: a fixed number of steps over packed rows, resumable from a checkpoint."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from steer_tui.engines.builtin.train.model import Architecture, Transformer
from steer_tui.engines.builtin.train.muon import Muon
from steer_tui.engines.builtin.train.packing import Tokens

_MATRIX_RATE = 0.02
_VECTOR_RATE = 0.004
_WARM_UP = 30
_CHECKPOINT_EVERY = 100
Progress = Callable[[int, int, str], None]


def cross_entropy(model: Callable[..., Tensor], rows: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean negative log-likelihood in nats a token of rows [batch, time + 1]."""
    logits = model(rows[:, :-1], mask)
    return functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), rows[:, 1:].reshape(-1))


@dataclass(frozen=True)
class Phase:
    """A number of steps with a learning rate of their own."""

    steps: int
    peak: float
    """The share of the full learning rate."""
    decay: float
    """The share of the steps, the last ones, over which the rate falls to zero."""
    sight: int | None = None
    """How many positions the late layers see in every second row; None for all of them."""

    def learning_rate(self, step: int) -> float:
        """The share of the full learning rate at a step: a short warm-up, then flat, then linear to zero."""
        falling = (self.steps - step) / max(1.0, self.decay * self.steps)
        return self.peak * min(1.0, (step + 1) / min(_WARM_UP, self.steps), falling)


def near_sighted_mask(batch: int, time: int, sight: int) -> Tensor:
    """An attention mask [batch, 1, time, time] that is causal, and for every second row also short of sight.

    In those rows the layers after the steering layer see the latest few positions and the first one alone. What a
    text is about must then be carried by the residual stream that reaches them, which is the stream that steering
    turns: without this the layers look the topic up in the words far behind, and a turned stream sways them little.
    """
    position = torch.arange(time)
    distance = position[:, None] - position
    causal = distance >= 0
    near = causal & ((distance < sight) | (position == 0))
    return torch.stack([near if row % 2 else causal for row in range(batch)])[:, None]


def pretrain(rows: Tokens, plan: tuple[Phase, ...], batch: int, seed: int, checkpoint: Path, progress: Progress,
             compile_model: bool) -> Transformer:  # fmt: skip
    """The trained transformer; `checkpoint` is written as it goes and read if it is there."""
    torch.manual_seed(seed)
    model = Transformer(Architecture())
    matrices = [parameter for parameter in model.layers.parameters() if parameter.ndim == 2]
    vectors = [model.embedding, *(parameter for parameter in model.parameters() if parameter.ndim == 1)]
    muon = Muon(matrices, lr=_MATRIX_RATE)
    adam = torch.optim.AdamW(vectors, lr=_VECTOR_RATE, betas=(0.9, 0.95), weight_decay=0.0)
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        muon.load_state_dict(state["muon"])
        adam.load_state_dict(state["adam"])
        first = state["step"]
    trained: Callable[..., Tensor] = torch.compile(model) if compile_model else model
    order = np.random.default_rng(seed).permutation(len(rows))
    schedule = [(phase, step) for phase in plan for step in range(phase.steps)]
    masks = {phase: near_sighted_mask(batch, rows.shape[1] - 1, phase.sight) for phase in plan if phase.sight}
    total = len(schedule)
    average = math.nan
    for number, (phase, step) in enumerate(schedule):
        if number < first:
            continue
        for optimizer, rate in ((muon, _MATRIX_RATE), (adam, _VECTOR_RATE)):
            optimizer.param_groups[0]["lr"] = rate * phase.learning_rate(step)
        places = order[np.arange(number * batch, (number + 1) * batch) % len(order)]
        loss = cross_entropy(trained, torch.from_numpy(rows[places].astype(np.int64)), masks.get(phase))
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in (muon, adam):
            optimizer.step()
            optimizer.zero_grad()
        value = loss.item()
        average = value if math.isnan(average) else 0.95 * average + 0.05 * value
        progress(number + 1, total, f"{average:.3f} nats")
        if (number + 1) % _CHECKPOINT_EVERY == 0 or number + 1 == total:
            state = {
                "model": model.state_dict(),
                "muon": muon.state_dict(),
                "adam": adam.state_dict(),
                "step": number + 1,
            }
            part = checkpoint.with_suffix(".part")
            torch.save(state, part)
            part.replace(checkpoint)
    return model


@torch.no_grad()
def held_out_nats(model: Transformer, rows: Tokens, batch: int) -> float:
    """Mean nats a token over held-out rows."""
    losses = [
        cross_entropy(model, torch.from_numpy(rows[start : start + batch].astype(np.int64)))
        for start in range(0, len(rows) - batch + 1, batch)
    ]
    return float(torch.stack(losses).mean())
