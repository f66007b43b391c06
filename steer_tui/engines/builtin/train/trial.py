"""Trying directions on texts that have nothing to do with their concepts, to choose among them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from tokenizers import Tokenizer
from torch import Tensor

from steer_tui.domain import DOSE_PER_NOTCH
from steer_tui.engines.builtin.train.concepts import Concept, Signatures
from steer_tui.engines.builtin.train.generation import Added, Continuation, Pinned, Steering, continue_openings
from steer_tui.engines.builtin.train.model import Transformer

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

    def written(self, pushes: Tensor, openings: tuple[str, ...]) -> list[list[Continuation]]:
        """For each push [pushes, width], in notches along a unit direction, one text an opening."""
        return self._continued(Added(DOSE_PER_NOTCH * self.mean_norm * pushes), openings)

    def pinned(self, directions: Tensor, values: Tensor, openings: tuple[str, ...]) -> list[list[Continuation]]:
        """For each set of unit directions [texts, directions, width], pinned at these notches, one text an opening."""
        return self._continued(Pinned(directions, DOSE_PER_NOTCH * self.mean_norm * values), openings)

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
            texts = self.written(value * torch.stack([direction.vector for direction in part]), openings)
            for direction, continuations in zip(part, texts, strict=True):
                shows = self.signatures.telltale(direction.concept.label).shows
                direction.share[value] = mean([shows(continuation.text) for continuation in continuations])
                direction.nats[value] = mean([continuation.nats for continuation in continuations])
            progress(min(start + _AT_ONCE, len(directions)), len(directions))

    def _continued(self, steering: Steering, openings: tuple[str, ...]) -> list[list[Continuation]]:
        return continue_openings(self.model, self.tokenizer, steering, openings, self.tokens, self.seed)


def mean(values: list[bool] | list[float]) -> float:
    """The mean of some numbers, or of truth values the share that is true."""
    return sum(values) / len(values)
