"""Choosing a direction for each concept: an SAE feature that reads and steers, or else a difference of means."""

from torch import Tensor

from steer_tui.engines.builtin.train.concepts import concepts
from steer_tui.engines.builtin.train.differences import differences_of_means
from steer_tui.engines.builtin.train.judgement import Verdict
from steer_tui.engines.builtin.train.readings import Readings, area_under_curve, best_f1, ranks
from steer_tui.engines.builtin.train.sae import SparseAutoencoder
from steer_tui.engines.builtin.train.trial import Direction

SCREENED_AT = 6
_FIRST_DIALS = ("winter", "music", "space", "dialogue")
_READERS = 24
_CANDIDATES = 3
_CAUSES = 3
_LEAST_AUROC = 0.6
_LEAST_GAIN = 0.15
_HARMLESS_NATS = 0.15
_HARM = 4
_PREFERENCE = 0.2
_GOOD_F1 = 0.2
_READING = 0.1
_FINAL_FEATURES = 2
_LEAST_OFFERED = 12


def candidates(readings: Readings, sae: SparseAutoencoder, effect: Tensor) -> list[Direction]:
    """For each concept the SAE features that read it best or that cause it most, and the differences of means.

    `effect` [features, concepts] is the probability that steering with each feature gives to each concept's words.
    """
    found: list[Direction] = []
    means = readings.mean_residual
    ranked: dict[tuple[str, ...], Tensor] = {}
    for number, concept in enumerate(concepts()):
        positive, negative = readings.mask(concept)
        if not positive.any() or not negative.any():
            continue
        compared = positive | negative
        if concept.within not in ranked:
            ranked[concept.within] = ranks(readings.peak[compared])
        auroc = area_under_curve(ranked[concept.within], positive[compared])
        auroc = auroc.masked_fill(readings.density == 0, 0)
        readers = auroc.topk(min(_READERS, len(auroc))).indices.tolist()
        causes = effect[:, number].masked_fill(auroc < _LEAST_AUROC, 0).topk(min(_CAUSES, len(auroc))).indices.tolist()
        f1 = {index: best_f1(readings.peak[:, index], positive, negative) for index in (*readers, *causes)}
        chosen = sorted(readers, key=lambda index: f1[index], reverse=True)[:_CANDIDATES]
        chosen += [index for index in causes if index not in chosen]
        found.extend(
            Direction(concept, "sae", index, sae.decoder[index], f1[index], float(auroc[index])) for index in chosen
        )
        for vector in differences_of_means(readings, sae, positive, negative):
            projected = means @ vector
            score = area_under_curve(ranks(projected[compared, None]), positive[compared])
            found.append(
                Direction(concept, "means", number, vector, best_f1(projected, positive, negative), float(score))
            )
    return found


def finalists(screened: list[Direction]) -> list[Direction]:
    """For each concept its most promising SAE features, no feature for two concepts, and its differences of means."""
    chosen: list[Direction] = []
    taken: set[int] = set()
    for concept in concepts():
        own = [direction for direction in screened if direction.concept == concept]
        features = [d for d in own if d.kind == "sae" and d.f1 >= _GOOD_F1 and d.index not in taken]
        features.sort(key=lambda direction: _merit(direction) + _READING * direction.f1, reverse=True)
        chosen += features[:_FINAL_FEATURES]
        taken.update(direction.index for direction in features[:_FINAL_FEATURES])
        chosen += [direction for direction in own if direction.kind == "means"]
    return chosen


def worth_judging(measured: list[Direction]) -> list[list[Direction]]:
    """For each concept that can be turned at all its directions, first the one that turns texts and spares sense."""

    def standing(direction: Direction) -> tuple[bool, float]:
        return (_gain(direction) >= _LEAST_GAIN, _merit(direction))

    own = [[direction for direction in measured if direction.concept == concept] for concept in concepts()]
    made = [sorted(directions, key=standing, reverse=True) for directions in own if directions]
    # A model that was hardly trained offers what it has, so that there is something to turn.
    made.sort(key=lambda directions: _gain(directions[0]), reverse=True)
    return [directions for place, directions in enumerate(made)
            if place < _LEAST_OFFERED or _gain(directions[0]) >= _LEAST_GAIN]  # fmt: skip


def _gain(direction: Direction) -> float:
    return direction.share[SCREENED_AT] - direction.share[0]


def _merit(direction: Direction) -> float:
    harm = max(0.0, direction.nats[SCREENED_AT] - direction.nats[0] - _HARMLESS_NATS)
    return direction.share[SCREENED_AT] - _HARM * harm + (_PREFERENCE if direction.kind == "sae" else 0)


def accepted(judged: list[list[tuple[Direction, Verdict]]]) -> list[tuple[Direction, Verdict]]:
    """For each concept the first direction without a fault, if there is one."""
    chosen = [next((pair for pair in pairs if not pair[1].faults), None) for pairs in judged]
    offered = [pair for pair in chosen if pair is not None]
    if len(offered) < _LEAST_OFFERED:
        labels = {direction.concept.label for direction, _ in offered}
        rest = [pairs[0] for pairs in judged if pairs[0][0].concept.label not in labels]
        offered += rest[: _LEAST_OFFERED - len(offered)]
    return in_order(offered)


def in_order(offered: list[tuple[Direction, Verdict]]) -> list[tuple[Direction, Verdict]]:
    """The first dials first, then topics, moods and styles, each by how much they turn a text."""
    kinds = ("topic", "mood", "style")

    def key(pair: tuple[Direction, Verdict]) -> tuple[int, float]:
        concept, share = pair[1].concept, pair[1].share
        if concept.label in _FIRST_DIALS:
            return (_FIRST_DIALS.index(concept.label), 0.0)
        rank = len(_FIRST_DIALS) + kinds.index(concept.kind)
        return (rank, share[0] - share[SCREENED_AT])

    return sorted(offered, key=key)
