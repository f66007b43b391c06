"""What every SAE comes to, whoever made it."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import TypeAlias

from steer_tui.vectors.formats.stored_array import StoredArray

LOGARITHM_MAX = 80.0
"""The logarithm of the largest number that a float32 has room for, all but."""

Threshold: TypeAlias = Callable[[int], float]
"""Above what a feature counts as active, by its index."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A table with one line for each feature, whichever way round it lies."""

    array: StoredArray
    features_in_rows: bool
    """What its name says of that, which is believed only where its shape says nothing."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The three rows of a gated SAE that tell whether a feature is active apart from how much."""

    bias: StoredArray
    magnitude_bias: StoredArray
    log_stretch: StoredArray


@dataclass(frozen=True, slots=True)
class EncoderParts:
    """How the SAE reads: W·(scale·h − decoder bias) + bias, where that is above the threshold."""

    weights: Matrix
    threshold: Threshold
    bias: StoredArray | None = None
    subtracted: StoredArray | None = None
    """The decoder's bias where the SAE takes it from its input first."""
    scale: float = 1.0
    gate: Gate | None = None
    times_decoder_norm: bool = False
    """Whether an activation counts in units of a decoder row of length 1."""


@dataclass(frozen=True, slots=True)
class SaeParts:
    """An SAE's arrays by their meaning, and what its files say of them."""

    folder: Path
    path: Path
    """The file of its weights."""
    decoder: Matrix
    decoder_bias: StoredArray | None
    layer: int | None
    model: str | None
    width: int | None = None
    """How wide the residual stream is, where the settings say."""
    encoder: EncoderParts | None = None
    unread: str = ""
    """Why activations cannot be read although there is an encoder, as a sentence."""
    neuronpedia_id: str | None = None
    """What Neuronpedia calls it, as `model/source`, where the settings say."""


def relu(index: int) -> float:
    """The threshold of an SAE that has none of its own."""
    return 0.0


def threshold_in(array: StoredArray) -> Threshold:
    """Thresholds that are written down as they are."""
    return array.number


def threshold_in_logarithms(array: StoredArray) -> Threshold:
    """Thresholds that are written down as their logarithms."""
    return lambda index: exp(min(array.number(index), LOGARITHM_MAX))
