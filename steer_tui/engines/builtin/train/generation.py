"""Steered generation in torch, many texts at once, to see what a direction does."""

from dataclasses import dataclass
from typing import Protocol

import torch
from tokenizers import Tokenizer
from torch import Tensor

from steer_tui.engines.builtin.train.bpe import END_OF_TEXT
from steer_tui.engines.builtin.train.model import KeyValues, Transformer
from steer_tui.engines.builtin.train.openings import TEMPERATURE


@dataclass(frozen=True)
class Continuation:
    """What the model wrote after an opening."""

    opening: str
    text: str
    nats: float
    """Mean negative log-likelihood a token under the unsteered model."""


class Steering(Protocol):
    """What acts on the residual stream after the steering layer, at every position of some texts at once."""

    @property
    def texts(self) -> int:
        """How many texts an opening."""
        ...

    def __call__(self, residuals: Tensor) -> Tensor:
        """The residuals [texts, time, width], steered."""
        ...


@dataclass(frozen=True)
class Added:
    """A vector of each text's own is added."""

    deltas: Tensor
    """[texts, width]"""

    @property
    def texts(self) -> int:
        """One a vector."""
        return len(self.deltas)

    def __call__(self, residuals: Tensor) -> Tensor:
        """The residuals with the vectors."""
        return residuals + self.deltas[:, None]


@dataclass(frozen=True)
class Pinned:
    """The components along some directions of each text's own are set."""

    directions: Tensor
    """[texts, directions, width] unit rows"""
    components: Tensor
    """[directions] what the components become."""

    @property
    def texts(self) -> int:
        """One a set of directions."""
        return len(self.directions)

    def __call__(self, residuals: Tensor) -> Tensor:
        """The residuals with these components."""
        inverse: Tensor = torch.linalg.pinv(self.directions).mT
        return residuals + (self.components - residuals @ self.directions.mT) @ inverse


@torch.no_grad()
def continue_openings(model: Transformer, tokenizer: Tokenizer, steering: Steering, openings: tuple[str, ...],
                      tokens: int, seed: int) -> list[list[Continuation]]:  # fmt: skip
    """For each text of the steering one continuation an opening."""
    generator = torch.Generator().manual_seed(seed)
    texts: list[list[Continuation]] = [[] for _ in range(steering.texts)]
    for opening in openings:
        prompt = torch.tensor([END_OF_TEXT, *tokenizer.encode(opening).ids])
        written = _generate(model, prompt, steering, tokens, generator)
        nats = _unsteered_nats(model, prompt, written)
        for number, ids in enumerate(written.tolist()):
            ids = ids[: ids.index(END_OF_TEXT)] if END_OF_TEXT in ids else ids
            texts[number].append(Continuation(opening, tokenizer.decode(ids), float(nats[number])))
    return texts


def _generate(model: Transformer, prompt: Tensor, steering: Steering, tokens: int, generator: torch.Generator
              ) -> Tensor:  # fmt: skip
    caches = [KeyValues(steering.texts, len(prompt) + tokens, model.architecture) for _ in model.layers]
    ids = prompt.expand(steering.texts, -1)
    written: list[Tensor] = []
    for _ in range(tokens):
        logits = model.logits_from(steering(model.residual(ids, caches)), caches)[:, -1]
        ids = _drawn((logits / TEMPERATURE).softmax(-1), generator)
        written.append(ids)
    return torch.cat(written, dim=1)


def _drawn(probabilities: Tensor, generator: torch.Generator) -> Tensor:
    """A token [rows, 1] a row of probabilities [rows, vocabulary], by one uniform number each.

    torch.multinomial draws a number for every entry of the vocabulary, which was a third of the whole time.
    """
    heaps = probabilities.cumsum(-1)
    marks = torch.rand(len(heaps), 1, generator=generator) * heaps[:, -1:]
    return torch.searchsorted(heaps, marks, right=True).clamp_max(heaps.shape[1] - 1)


def _unsteered_nats(model: Transformer, prompt: Tensor, written: Tensor) -> Tensor:
    whole = torch.cat((prompt.expand(len(written), -1), written), dim=1)
    log_likelihoods = model(whole[:, :-1]).log_softmax(-1).gather(2, whole[:, 1:, None])[:, len(prompt) - 1 :, 0]
    # What stands behind the end of the text is no part of it.
    ended = (written == END_OF_TEXT).int().cumsum(1) - (written == END_OF_TEXT).int() > 0
    nats: Tensor = -log_likelihoods.masked_fill(ended, 0).sum(1) / (~ended).sum(1)
    return nats
