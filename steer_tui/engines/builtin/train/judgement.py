"""Judging the chosen directions on openings and seeds that had no part in choosing them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch.nn import functional

from steer_tui.engines.builtin.train.concepts import Concept
from steer_tui.engines.builtin.train.corpus.documents import write_document
from steer_tui.engines.builtin.train.generation import Continuation
from steer_tui.engines.builtin.train.openings import JUDGED_ON
from steer_tui.engines.builtin.train.trial import Direction, SteeringTrial, mean

VALUES = (-6, -3, 0, 3, 6, 8, 10)
_FULL = 6
_RANDOM_DIRECTIONS = 8
_AT_ONCE = 128
_OWN_OPENINGS = 20
_OWN_DOCUMENTS = 2_000
_OTHER_CORPUS = 1_000_003
_OWN_TEXTS = 3
_WOBBLE = 0.06
"""By how much a share may fall from one value to the next: about the error of a share of a hundred texts, doubled."""
_MOST_NATS = 0.25
_ROUNDING = 1e-9
"""A share is a mean of means, and 18 of 60 is to count as a third of 54 of 60."""


@dataclass
class Verdict:
    """What a direction did to texts, by the value of its dial, and why it is not to be offered."""

    concept: Concept
    share: dict[int, float]
    """The share of texts that show the concept."""
    nats: dict[int, float]
    """Mean negative log-likelihood a token under the unsteered model."""
    random_share: dict[int, float]
    """The share with random directions of the same dose."""
    own_share: dict[int, float] = field(default_factory=dict)
    """The share at −6 and 0 of texts that begin as documents of the topic do."""

    @property
    def faults(self) -> list[str]:
        """Each demand that the direction does not meet, in a few words."""
        return [fault for fault, is_met in self._demands() if not is_met]

    def _demands(self) -> Iterator[tuple[str, bool]]:
        off, full, away = self.share[0], self.share[_FULL], self.share[-_FULL]
        random = self.random_share[_FULL]
        yield f"nats +{self.nats[_FULL] - self.nats[0]:.2f} at +6", self.nats[_FULL] - self.nats[0] <= _MOST_NATS
        shares = [self.share[value] for value in VALUES]
        rising = all(after >= before - _WOBBLE for before, after in pairwise(shares))
        yield "not rising", rising
        match self.concept.kind:
            case "topic":
                yield f"{full:.0%} at +6", full >= 0.5
                yield f"{off:.0%} at 0", off <= 0.08
                yield f"{random:.0%} at random", random <= 0.08
                own_off, own_away = self.own_share[0], self.own_share[-_FULL]
                yield f"{own_off:.0%} to {own_away:.0%} at -6 on its own openings", 3 * own_away <= own_off + _ROUNDING
            case "mood":
                yield f"{full:.0%} at +6", full >= 0.4
                yield f"{off:.0%} at 0", off <= 0.15
                yield f"{off:.0%} to {random:.0%} at random", abs(random - off) <= 0.05
            case _:
                yield f"{off:.0%} to {full:.0%} at +6", full - off >= 0.25
                yield f"{off:.0%} to {away:.0%} at -6", off < 0.2 or off - away >= 0.15
                yield f"{off:.0%} to {random:.0%} at random", abs(random - off) <= 0.08


class Judge:
    """Writes texts with each direction and says what came of it."""

    def __init__(self, trial: SteeringTrial, samples: int, openings: int) -> None:
        """`samples` texts for each of the first `openings` openings."""
        self._trial = trial
        self._samples = samples
        self._openings = JUDGED_ON[:openings]
        self._own_openings = _own_openings(min(openings, _OWN_OPENINGS))

    def verdicts(self, directions: list[Direction], progress: Callable[[int, int], None]) -> list[Verdict]:
        """A verdict on each direction."""
        if not directions:
            return []
        generator = torch.Generator().manual_seed(self._trial.seed)
        width = self._trial.model.architecture.width
        random = functional.normalize(torch.randn(_RANDOM_DIRECTIONS, width, generator=generator), dim=1)
        concepts = [direction.concept for direction in directions]
        found = [Verdict(concept, {}, {}, {}) for concept in concepts]
        random = random.repeat_interleave(self._samples, 0)
        vectors = torch.stack([direction.vector for direction in directions]).repeat_interleave(self._samples, 0)
        for number, value in enumerate(VALUES):
            unsteered_or_random = [text for texts in self._written(value * random) for text in texts]
            for verdict in found:
                shows = self._trial.signatures.telltale(verdict.concept.label).shows
                verdict.random_share[value] = mean([shows(text.text) for text in unsteered_or_random])
            if value == 0:
                nats = mean([text.nats for text in unsteered_or_random])
                for verdict in found:
                    verdict.share[0], verdict.nats[0] = verdict.random_share[0], nats
            else:
                written = self._written(value * vectors)
                for place, verdict in enumerate(found):
                    shows = self._trial.signatures.telltale(verdict.concept.label).shows
                    own = written[place * self._samples : (place + 1) * self._samples]
                    verdict.share[value] = mean([shows(text.text) for texts in own for text in texts])
                    verdict.nats[value] = mean([text.nats for texts in own for text in texts])
            progress(number + 1, len(VALUES) + 1)
        for direction, verdict in zip(directions, found, strict=True):
            if direction.concept.kind == "topic":
                verdict.own_share.update(self._on_own_openings(direction))
        progress(len(VALUES) + 1, len(VALUES) + 1)
        return found

    def _written(self, pushes: torch.Tensor) -> list[list[Continuation]]:
        made: list[list[Continuation]] = []
        for start in range(0, len(pushes), _AT_ONCE):
            made += self._trial.written(pushes[start : start + _AT_ONCE], self._openings)
        return made

    def _on_own_openings(self, direction: Direction) -> dict[int, float]:
        shows = self._trial.signatures.telltale(direction.concept.label).shows
        pushes = torch.stack([-_FULL * direction.vector] * _OWN_TEXTS + [0 * direction.vector] * _OWN_TEXTS)
        written = self._trial.written(pushes, self._own_openings[direction.concept.corpus_label])
        shown = [mean([shows(text.text) for text in texts]) for texts in written]
        return {-_FULL: mean(shown[:_OWN_TEXTS]), 0: mean(shown[_OWN_TEXTS:])}


def _own_openings(count: int) -> dict[str, tuple[str, ...]]:
    """For each topic the first sentences of some documents about it, of a corpus of which the model saw nothing."""
    found: dict[str, list[str]] = {}
    for number in range(_OWN_DOCUMENTS):
        document = write_document(_OTHER_CORPUS, number)
        if len(document.topics) == 1 and document.genre in ("story", "opinion", "fact"):
            found.setdefault(document.topics[0], []).append(document.text[: document.sentences[0].end])
    return {topic: tuple(openings[:count]) for topic, openings in found.items()}
