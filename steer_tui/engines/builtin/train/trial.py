"""Trying a direction on texts that have nothing to do with its concept."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from tokenizers import Tokenizer
from torch import Tensor

from steer_tui.engines.builtin.train.concepts import Concept, Signatures
from steer_tui.engines.builtin.train.generation import continue_openings
from steer_tui.engines.builtin.train.model import Transformer

DOSE_PER_NOTCH = 0.04
_AT_ONCE = 128


@dataclass
class Direction:
    """A candidate for a concept, and what was measured of it."""

    concept: Concept
    kind: str
    index: int
    vector: Tensor
    """[width] of length 1."""
    f1: float
    auroc: float
    share: dict[int, float] = field(default_factory=dict)
    nats: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SteeringTrial:
    """Steered continuations of openings, and how many of them show the concept."""

    model: Transformer
    tokenizer: Tokenizer
    signatures: Signatures
    mean_norm: float
    """The mean norm R of the residual stream after the steering layer."""
    tokens: int
    """Tokens of each text."""
    seed: int

    def run(
        self,
        directions: list[Direction],
        value: int,
        openings: tuple[str, ...],
        progress: Callable[[int, int], None],
    ) -> None:
        """Notes on each direction its share at a value of the dial, and the nats a token of the texts."""
        for start in range(0, len(directions), _AT_ONCE):
            part = directions[start : start + _AT_ONCE]
            deltas = value * DOSE_PER_NOTCH * self.mean_norm * torch.stack([direction.vector for direction in part])
            texts = continue_openings(self.model, self.tokenizer, deltas, openings, self.tokens, self.seed)
            for direction, continuations in zip(part, texts, strict=True):
                label = direction.concept.label
                shown = [self.signatures.shows(label, continuation.text) for continuation in continuations]
                nats = [continuation.nats for continuation in continuations]
                direction.share[value] = sum(shown) / len(shown)
                direction.nats[value] = sum(nats) / len(nats)
            progress(min(start + _AT_ONCE, len(directions)), len(directions))
