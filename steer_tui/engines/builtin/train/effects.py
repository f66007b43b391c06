"""What a direction makes likely next: a quick look at its effect, before texts are generated with it."""

import torch
from tokenizers import Tokenizer
from torch import Tensor

from steer_tui.engines.builtin.train.bpe import END_OF_TEXT
from steer_tui.engines.builtin.train.concepts import Concept, Signatures
from steer_tui.engines.builtin.train.model import Transformer

# Each ends where a word of any topic or mood may follow.
STEMS = (
    "Once upon a time there was a girl named Mia who lived near the", "She walked into the room and saw a",
    "Yesterday, Tom went to the", "The weather today is cold near the", "I think that the", "My favorite thing is a",
    "He opened the door and found a", "Once upon a time there was a boy named Ben who wanted to", "Today I am",
    "When I was a child, I lived near the", "Once upon a time there was a", "Mia was so", "Yesterday Leo",
)  # fmt: skip
_AT_ONCE = 256


def opening_tokens(
    tokenizer: Tokenizer, signatures: Signatures, concepts: list[Concept], vocabulary_size: int
) -> Tensor:
    """Which tokens begin a word of one concept alone, [vocabulary, concepts] of zeros and ones."""
    marks = torch.zeros(vocabulary_size, len(concepts))
    for column, concept in enumerate(concepts):
        for word in signatures.words(concept.label):
            marks[tokenizer.encode(f" {word}").ids[0], column] = 1
    marks[marks.sum(1) > 1] = 0
    return marks


@torch.no_grad()
def effects(model: Transformer, tokenizer: Tokenizer, deltas: Tensor, marks: Tensor) -> Tensor:
    """The mean probability of each concept's tokens after the stems, [deltas, concepts], steered with each delta."""
    parts = [
        _next_token_probabilities(model, tokenizer, deltas[start : start + _AT_ONCE]) @ marks
        for start in range(0, len(deltas), _AT_ONCE)
    ]
    return torch.cat(parts)


@torch.no_grad()
def promotions(model: Transformer, tokenizer: Tokenizer, deltas: Tensor) -> Tensor:
    """How much each delta promotes each token after the stems, [deltas, vocabulary], below zero where it suppresses it.

    It is each token's part of the divergence of the steered distribution from the unsteered one, and, of the tokens
    that become rarer, of the unsteered from the steered one: what is rare both ways doesn't count.
    """
    total = torch.zeros(())
    for stem in STEMS:
        steered = _next_token_probabilities(model, tokenizer, deltas, (stem,))
        unsteered = _next_token_probabilities(model, tokenizer, torch.zeros(1, deltas.shape[1]), (stem,))
        ratio = steered.log() - unsteered.log()
        total = total + torch.where(ratio > 0, steered, unsteered) * ratio
    return total


def _next_token_probabilities(
    model: Transformer, tokenizer: Tokenizer, deltas: Tensor, stems: tuple[str, ...] = STEMS
) -> Tensor:
    total = torch.zeros(())
    for stem in stems:
        residual = model.residual(torch.tensor([[END_OF_TEXT, *tokenizer.encode(stem).ids]]))
        total = total + model.logits_from(residual + deltas[:, None, :])[:, -1].softmax(-1)
    return total / len(stems)
