"""Directions at work: what a steering vector adds to the residual stream, and what the watched features read off it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steer_tui.domain import Feature, FeatureActivation, FeatureKind, Rejected, SteeringVector
from steer_tui.engines.builtin.catalogue import Catalogue, ModelCard
from steer_tui.engines.builtin.weights import Directions, Floats

_LARGEST_DOSE = 1e6
"""Beyond this multiple of the residual norm float32 could not hold the squares."""


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

    def delta(self, vector: SteeringVector) -> Floats | None:
        """[d] the sum of the dials' coefficients times their unit directions, or None where nothing is turned."""
        if not vector.dials:
            return None
        delta = np.zeros(self._card.width, np.float64)
        for dial in vector.dials:
            if abs(dial.coefficient) > _LARGEST_DOSE * self._card.mean_residual_norm:
                label = dial.feature.label
                raise Rejected(f"The dial {label!r} is too strong for the model's arithmetic.", hint="Turn it down.")
            delta += dial.coefficient * self._direction(dial.feature).astype(np.float64)
        return delta.astype(np.float32) if delta.any() else None

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
