"""What is known of a feature beside its name: how a text shows it, where it fires, and what turning it did."""

import re
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_]+")
LEAST_SHARE = 0.05
"""The share of a text's words that must be a telltale's own."""


@dataclass(frozen=True, slots=True)
class Telltale:
    """How a text shows a concept: by words that belong to it alone, or by a mark such as a question mark."""

    words: frozenset[str] = frozenset()
    """Whole words in lower case."""
    mark: str | None = None
    least: int = 1
    """How often the mark must stand in the text."""

    def shows(self, text: str) -> bool:
        """Whether the mark stands there often enough, or at least 5 % of the text's words are the concept's own."""
        if self.mark is not None:
            return text.count(self.mark) >= self.least
        found = _WORD.findall(text.lower())
        return bool(found) and sum(word in self.words for word in found) >= LEAST_SHARE * len(found)


@dataclass(frozen=True, slots=True)
class Context:
    """A piece of text in which a feature fires, token by token."""

    tokens: tuple[str, ...]
    activations: tuple[float, ...]
    """One for each token, 0 where the feature does not fire."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What the dial did at one value, measured over many texts."""

    value: float
    share: float
    """The share of texts that show the concept, 0..1."""
    nats: float
    """Mean negative log-likelihood a token under the unsteered model."""
    random_share: float | None = None
    """The share with a random direction of the same dose instead."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a feature bears its label, and what its dial does."""

    contexts: tuple[Context, ...] = ()
    """Where it fires most, the strongest first."""
    curve: tuple[CurvePoint, ...] = ()
    """By rising value."""
    telltale: Telltale | None = None
    """How a text shows the concept, or None where only the activations tell."""
