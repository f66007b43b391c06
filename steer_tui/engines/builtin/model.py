"""The embedded model as a whole: it turns a request into steps, each of which gives a few events."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from steer_tui.domain import (
    ActivationEvent,
    DoneEvent,
    Event,
    Feature,
    FeatureActivation,
    FeatureKind,
    FinishReason,
    GenerationRequest,
    Lane,
    Rejected,
    SteeringVector,
    TokenEvent,
)
from steer_tui.engines.builtin.catalogue import Catalogue, ModelCard
from steer_tui.engines.builtin.emission import Emission
from steer_tui.engines.builtin.sampling import Sampler
from steer_tui.engines.builtin.tokenizer import Tokenizer
from steer_tui.engines.builtin.transformer import Transformer
from steer_tui.engines.builtin.weights import Floats, read_directions, read_model

_PREFILL = 64
"""Positions that one step reads of a prompt, so that a long one neither delays a cancel nor another stream."""

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
        """The features' activations at a residual [d]: what exceeds the threshold, else 0."""
        values = self.rows @ residual + self.bias
        values = np.where(values > self.threshold, values, 0)
        return tuple(FeatureActivation(f.id, f.label, v) for f, v in zip(self.features, values.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class _Sampled:
    index: int
    logprob: float
    activations: tuple[FeatureActivation, ...]


class EmbeddedModel:
    """Tokenizer, transformer and directions, loaded; used on one thread."""

    def __init__(self, folder: Path, card: ModelCard, tokenizer: Tokenizer, catalogue: Catalogue) -> None:
        self.card = card
        self._tokenizer = tokenizer
        self._catalogue = catalogue
        self._transformer = Transformer(card, read_model(folder, card))
        self._directions = read_directions(folder, card)

    @property
    def sae_features(self) -> int:
        """How many features the sparse autoencoder has."""
        return len(self._directions.threshold)

    def steps(self, request: GenerationRequest) -> Iterator[Sequence[Event]]:
        """The events of the request's lanes, one step of one lane at a time, in turn."""
        probe = self.probe(request.watched) if request.watched else None
        ids = self._tokenizer.encode(request.prompt)
        ids = ids[max(0, len(ids) - self.card.room_for_prompt(request.sampling.max_tokens)) :]
        lanes = deque(
            self._lane_steps(request, lane, ids, self.delta(request.vector_of(lane)), probe) for lane in request.lanes
        )
        while lanes:
            lane = lanes.popleft()
            if (events := next(lane, None)) is not None:
                yield events
                lanes.append(lane)

    def delta(self, vector: SteeringVector) -> Floats | None:
        """[d] the sum of the dials' coefficients times their unit directions, or None where nothing is turned."""
        if not vector.dials:
            return None
        matrices = {FeatureKind.SAE: self._directions.decoder, FeatureKind.MEANS: self._directions.means}
        delta = np.zeros(self.card.width, np.float64)
        for dial in vector.dials:
            if abs(dial.coefficient) > _LARGEST_DOSE * self.card.mean_residual_norm:
                label = dial.feature.label
                raise Rejected(f"The dial {label!r} is too strong for the model's arithmetic.", hint="Turn it down.")
            kind, index = self._located(dial.feature)
            delta += dial.coefficient * matrices[kind][index].astype(np.float64)
        return delta.astype(np.float32) if delta.any() else None

    def probe(self, features: tuple[Feature, ...]) -> Probe:
        """What reads these features off a residual."""
        held = self._directions
        rows, bias, threshold = [], [], []
        for feature in features:
            kind, index = self._located(feature)
            sae = kind is FeatureKind.SAE
            rows.append((held.encoder if sae else held.means)[index])
            bias.append((held.encoder_bias if sae else held.means_bias)[index])
            threshold.append(held.threshold[index] if sae else np.float32(0))
        return Probe(features, np.stack(rows), np.array(bias), np.array(threshold))

    def _lane_steps(
        self, request: GenerationRequest, lane: Lane, prompt: list[int], delta: Floats | None, probe: Probe | None
    ) -> Iterator[Sequence[Event]]:
        sequence = self._transformer.sequence(delta)
        ids = [self._tokenizer.end_of_text, *prompt]
        for start in range(0, len(ids), _PREFILL):
            sequence.prefill(ids[start : start + _PREFILL])
            yield ()
        sampler = Sampler(request.sampling)
        emission = Emission[_Sampled](request.sampling.stop)
        reason = FinishReason.MAX_TOKENS
        for index in range(request.sampling.max_tokens):
            token, logprob = sampler.draw(sequence.logits)
            if token == self._tokenizer.end_of_text:
                reason = FinishReason.COMPLETE
                break
            # A feature fires on a token where the model reads it, so a watched text's last token is read as well.
            if probe or index + 1 < request.sampling.max_tokens:
                sequence.step(token)
            sampled = _Sampled(index, logprob, probe.read(sequence.residual) if probe else ())
            yield _events(lane, emission.push(self._tokenizer.token_bytes[token], sampled))
            if emission.stopped:
                break
        last = _events(lane, emission.end())
        yield (*last, DoneEvent(lane, FinishReason.STOP_SEQUENCE if emission.stopped else reason))

    def _located(self, feature: Feature) -> tuple[FeatureKind, int]:
        kind, index = self._catalogue.index_of(feature)
        if index >= (self.sae_features if kind is FeatureKind.SAE else len(self._directions.means)):
            raise self._catalogue.unknown(feature)
        return kind, index


def _events(lane: Lane, leaving: Sequence[tuple[str, _Sampled]]) -> list[Event]:
    events: list[Event] = []
    for text, sampled in leaving:
        events.append(TokenEvent(text, sampled.index, lane, sampled.logprob))
        if sampled.activations:
            events.append(ActivationEvent(sampled.index, lane, sampled.activations))
    return events
