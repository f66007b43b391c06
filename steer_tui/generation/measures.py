"""What a sampled text is measured by, and what many of them come to; plain values, without an engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from steer_tui.domain import FeatureKind, Telltale
from steer_tui.engines import Reading

LEAST_ACTIVE_SHARE = 0.05
"""The share of a text's tokens on which a feature must be active for the text to show it, without a telltale."""

_GRAM = 4
"""Words that make one piece of a text whose return counts as repetition."""


_ALWAYS_ACTIVE = (FeatureKind.VECTOR, FeatureKind.RANDOM)
"""What is read as a projection on the direction, which on most tokens is above or below 0 by chance alone."""


class ShownBy(StrEnum):
    """What told whether a text shows the concept."""

    TELLTALE = "telltale"
    """Its words or its mark."""
    ACTIVATIONS = "activations"
    """The feature is active on at least 5 % of the output's tokens."""


@dataclass(frozen=True, slots=True)
class Measures:
    """One text: how much of the concept is in it, how fluent it is, and how far from the default lane's text."""

    activation: float
    """The feature's mean activation a token of the output, as re-read without steering."""
    shows: bool | None
    """Whether the text shows the concept, or None where nothing tells."""
    shown_by: ShownBy | None
    """What told so."""
    nats: float | None
    """Mean negative log-likelihood a token under the unsteered model; None where no token could be read."""
    repetition: float
    """The share of 4-word pieces that stood in the text before, 0..1."""
    divergence: float
    """Edit distance in words to the default lane's text, as a share of the longer one: 0 the same, 1 nothing shared."""


@dataclass(frozen=True, slots=True)
class Means:
    """Measures over several texts, each of which counts the same."""

    texts: int
    activation: float
    share: float | None
    """The share of texts that show the concept, 0..1, or None where nothing tells."""
    shown_by: ShownBy | None
    nats: float | None
    repetition: float
    divergence: float

    @classmethod
    def of(cls, measures: Sequence[Measures]) -> "Means | None":
        """The means of some texts, None of no text."""
        if not measures:
            return None
        nats = [one.nats for one in measures if one.nats is not None]
        shown = [one.shows for one in measures if one.shows is not None]

        def mean(measure: Callable[[Measures], float]) -> float:
            return fmean(map(measure, measures))

        return cls(
            texts=len(measures),
            activation=mean(lambda one: one.activation),
            share=fmean(shown) if shown else None,
            shown_by=measures[0].shown_by,
            nats=fmean(nats) if nats else None,
            repetition=mean(lambda one: one.repetition),
            divergence=mean(lambda one: one.divergence),
        )


def measure(
    text: str, default: str, reading: Reading, telltale: Telltale | None, kind: FeatureKind = FeatureKind.SAE
) -> Measures:
    """Measure an output, beside the default lane's, from a reading of one feature on the prompt and the output."""
    # From the end, since a prompt's last characters may share a token with the output's first ones.
    start, missing = len(reading.tokens), len(text)
    while start > 0 and missing > 0:
        start -= 1
        missing -= len(reading.tokens[start])
    activations = [value for (value,) in reading.activations[start:]]
    logprobs = [logprob for logprob in reading.logprobs[start:] if logprob is not None]
    shows, shown_by = _shown(text, activations, telltale, kind)
    return Measures(
        activation=fmean(activations) if activations else 0.0,
        shows=shows,
        shown_by=shown_by,
        nats=-fmean(logprobs) if logprobs else None,
        repetition=repetition(text),
        divergence=divergence(text, default),
    )


def _shown(
    text: str, activations: Sequence[float], telltale: Telltale | None, kind: FeatureKind
) -> tuple[bool | None, ShownBy | None]:
    if telltale is not None:
        return telltale.shows(text), ShownBy.TELLTALE
    if kind in _ALWAYS_ACTIVE:
        return None, None
    return _is_active(activations), ShownBy.ACTIVATIONS


def _is_active(activations: Sequence[float]) -> bool:
    active = sum(value > 0 for value in activations)
    return active > 0 and active >= LEAST_ACTIVE_SHARE * len(activations)


def repetition(text: str) -> float:
    """1 − distinct / all 4-grams of words (seq-rep-4 of Welleck et al. 2019); 0 for a text of fewer than 4 words."""
    words = text.split()
    grams = [tuple(words[start : start + _GRAM]) for start in range(len(words) - _GRAM + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def divergence(text: str, default: str) -> float:
    """Levenshtein's distance in words, over the length of the longer text.

    Words, so that engines with other tokenizers compare; an edit distance, because a common beginning alone would
    count two texts that part at one word and agree again as unlike as two that share nothing.
    """
    ours, theirs = text.split(), default.split()
    if not ours or not theirs:
        return float(bool(ours or theirs))
    row = list(range(len(theirs) + 1))
    for place, word in enumerate(ours, 1):
        diagonal, row[0] = row[0], place
        for column, other in enumerate(theirs, 1):
            substituted = diagonal + (word != other)
            diagonal = row[column]
            row[column] = min(substituted, row[column] + 1, row[column - 1] + 1)
    return row[-1] / max(len(ours), len(theirs))
