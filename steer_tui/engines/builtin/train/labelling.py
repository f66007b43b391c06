"""Choosing a direction for each concept: an SAE feature that reads and steers, or else a difference of means."""

from torch import Tensor
from torch.nn import functional

from steer_tui.engines.builtin.train.concepts import concepts
from steer_tui.engines.builtin.train.readings import Readings, area_under_curve, best_f1, ranks
from steer_tui.engines.builtin.train.sae import SparseAutoencoder
from steer_tui.engines.builtin.train.trial import Direction

SCREENED_AT = 6
_FIRST_DIALS = ("winter", "music", "space", "dialogue")
MEASURED_AT = (-6, 0, 3, 6, 10)
_READERS = 24
_CANDIDATES = 3
_CAUSES = 3
_LEAST_AUROC = 0.6
_LEAST_SHARE = 0.4
_LEAST_GAIN = 0.25
_PREFERENCE = 0.2
_GOOD_F1 = 0.2
_LEAST_OFFERED = 12


def candidates(readings: Readings, sae: SparseAutoencoder, effect: Tensor) -> list[Direction]:
    """For each concept the SAE features that read it best or that cause it most, and the difference of means.

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
        difference = functional.normalize(means[positive].mean(0) - means[negative].mean(0), dim=0)
        projected = means @ difference
        score = area_under_curve(ranks(projected[compared, None]), positive[compared])
        found.append(
            Direction(concept, "means", number, difference, best_f1(projected, positive, negative), float(score))
        )
    return found


def finalists(screened: list[Direction]) -> list[Direction]:
    """For each concept its most promising SAE feature, no feature for two concepts, and its difference of means."""
    chosen: list[Direction] = []
    taken: set[int] = set()
    for concept in concepts():
        own = [direction for direction in screened if direction.concept == concept]
        features = [d for d in own if d.kind == "sae" and d.f1 >= _GOOD_F1 and d.index not in taken]
        best = max(features, key=lambda d: d.share[SCREENED_AT] + 0.3 * d.f1, default=None)
        if best is not None:
            chosen.append(best)
            taken.add(best.index)
        chosen += [direction for direction in own if direction.kind == "means"]
    return chosen


def choose(measured: list[Direction]) -> list[Direction]:
    """At most one direction a concept: the SAE feature unless the difference of means steers much better."""
    chosen: list[Direction] = []
    for concept in concepts():
        own = [direction for direction in measured if direction.concept == concept and _is_worth_offering(direction)]
        if own:
            chosen.append(max(own, key=lambda d: d.share[SCREENED_AT] + (_PREFERENCE if d.kind == "sae" else 0)))
    if len(chosen) < _LEAST_OFFERED:
        # A model that was hardly trained offers what it has, so that there is something to turn.
        labels = {direction.concept.label for direction in chosen}
        for direction in sorted(measured, key=lambda d: -d.share[SCREENED_AT]):
            if direction.concept.label not in labels and len(chosen) < _LEAST_OFFERED:
                chosen.append(direction)
                labels.add(direction.concept.label)
    return chosen


def _is_worth_offering(direction: Direction) -> bool:
    share = direction.share[SCREENED_AT]
    return share >= _LEAST_SHARE and share - direction.share[0] >= _LEAST_GAIN


def in_order(chosen: list[Direction]) -> list[Direction]:
    """The first dials first, then topics, moods and styles, each by how much they turn a text."""
    kinds = ("topic", "mood", "style")

    def key(direction: Direction) -> tuple[int, float]:
        concept = direction.concept
        if concept.label in _FIRST_DIALS:
            return (_FIRST_DIALS.index(concept.label), 0.0)
        rank = len(_FIRST_DIALS) + kinds.index(concept.kind)
        return (rank, direction.share[0] - direction.share[SCREENED_AT])

    return sorted(chosen, key=key)
