"""Directions at work: what a steering vector does to the residual stream, and what the watched features read off it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steer_tui.domain import Feature, FeatureActivation, FeatureKind, Method, Rejected, SteeringVector
from steer_tui.engines.builtin.catalogue import Catalogue, ModelCard
from steer_tui.engines.builtin.decoding import Push
from steer_tui.engines.builtin.weights import Directions, Floats

_LARGEST_DOSE = 1e6
"""Beyond this multiple of the residual norm float32 could not hold the squares."""


@dataclass(frozen=True, slots=True)
class Addition:
    """Dials that push: the same vector is added everywhere."""

    vector: Floats
    """[d]"""

    def __call__(self, residuals: Floats) -> None:
        """Add it to residuals [..., d]."""
        residuals += self.vector


@dataclass(frozen=True, slots=True)
class Pins:
    """Dials that hold: the residual's components along their directions are what the dials say, all at once.

    Dials that push leave a text where the first of two topics took it, since what the text brings is added to both.
    """

    directions: Floats
    """[dials, d] unit rows"""
    components: Floats
    """[dials]"""
    inverse: Floats
    """[dials, d] rows that change one component each; the directions' pseudo-inverse, transposed."""

    def __call__(self, residuals: Floats) -> None:
        """Set the components of residuals [..., d]."""
        residuals += (self.components - residuals @ self.directions.T) @ self.inverse


@dataclass(frozen=True, slots=True)
class Probe:
    """The encoder rows of the watched features, gathered into one matrix."""

    features: tuple[Feature, ...]
    rows: Floats
    """[features, d]"""
    bias: Floats
    """[features]"""
    threshold: Floats
    """[features]"""

    def read(self, residual: Floats) -> tuple[FeatureActivation, ...]:
        """The features' activations at one residual [d]."""
        values = self.values(residual).tolist()
        return tuple(FeatureActivation(f.id, f.label, v) for f, v in zip(self.features, values, strict=True))

    def values(self, residuals: Floats) -> Floats:
        """[..., features] the activations at residuals [..., d]: what exceeds the threshold, else 0."""
        values = residuals @ self.rows.T + self.bias
        return np.where(values > self.threshold, values, np.float32(0))


class Steering:
    """The model's directions, found by feature."""

    def __init__(self, card: ModelCard, catalogue: Catalogue, directions: Directions) -> None:
        self._card = card
        self._catalogue = catalogue
        self._directions = directions

    @property
    def sae_features(self) -> int:
        """How many features the sparse autoencoder has."""
        return len(self._directions.threshold)

    def push(self, vector: SteeringVector) -> Push | None:
        """What the dials do to the residual stream, or None where nothing is turned."""
        if not vector.dials:
            return None
        for dial in vector.dials:
            if abs(dial.coefficient) > _LARGEST_DOSE * self._card.mean_residual_norm:
                label = dial.feature.label
                raise Rejected(f"The dial {label!r} is too strong for the model's arithmetic.", hint="Turn it down.")
        coefficients = np.array([dial.coefficient for dial in vector.dials])
        directions = np.stack([self._direction(dial.feature) for dial in vector.dials])
        if vector.method is Method.PIN:
            inverse = np.linalg.pinv(directions.astype(np.float64)).T.astype(np.float32)
            return Pins(directions, coefficients.astype(np.float32), inverse)
        summed = coefficients @ directions.astype(np.float64)
        return Addition(summed.astype(np.float32)) if summed.any() else None

    def probe(self, features: Sequence[Feature]) -> Probe:
        """What reads these features off a residual."""
        held = self._directions
        rows = np.empty((len(features), self._card.width), np.float32)
        bias, threshold = np.zeros((2, len(features)), np.float32)
        for number, feature in enumerate(features):
            kind, index = self._located(feature)
            if kind is FeatureKind.SAE:
                rows[number], bias[number] = held.encoder[index], held.encoder_bias[index]
                threshold[number] = held.threshold[index]
            else:
                rows[number] = self._direction(feature)
                bias[number] = held.means_bias[index] if kind is FeatureKind.MEANS else 0
        return Probe(tuple(features), rows, bias, threshold)

    def _direction(self, feature: Feature) -> Floats:
        """[d] the unit direction that steers."""
        kind, index = self._located(feature)
        if kind is FeatureKind.RANDOM:
            drawn = np.random.Generator(np.random.PCG64(index)).standard_normal(self._card.width)
            return (drawn / np.linalg.norm(drawn)).astype(np.float32)
        row: Floats = (self._directions.decoder if kind is FeatureKind.SAE else self._directions.means)[index]
        return row

    def _located(self, feature: Feature) -> tuple[FeatureKind, int]:
        kind, index = self._catalogue.index_of(feature)
        sizes = {FeatureKind.SAE: self.sae_features, FeatureKind.MEANS: len(self._directions.means)}
        if kind in sizes and index >= sizes[kind]:
            raise self._catalogue.unknown(feature)
        return kind, index
