"""`python -m steer_tui.engines.builtin.train.measure`: measures the shipped model anew and prints the tables."""

from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import click
import torch

from steer_tui.domain import Sampling
from steer_tui.engines.builtin.train.corpus.documents import write_document
from steer_tui.engines.builtin.train.judgement import Judge, Verdict
from steer_tui.engines.builtin.train.offering import signatures_of
from steer_tui.engines.builtin.train.openings import JUDGED_ON
from steer_tui.engines.builtin.train.progress import Report
from steer_tui.engines.builtin.train.prose import Checks
from steer_tui.engines.builtin.train.recipe import Recipe
from steer_tui.engines.builtin.train.shipped import read_shipped
from steer_tui.engines.builtin.train.storytelling import TextFigures, write_stories
from steer_tui.engines.builtin.train.trial import Direction, SteeringTrial, mean

_STORIES_AN_OPENING = 10
_TOGETHER = ("winter", "music", "space", "castle", "happy", "dialogue")
ADDED_AT = 5
"""The value of both dials where two push together."""
PINNED_AT = ((9, 9), (10, 8), (8, 10))
"""The values of two dials that pin together: of two topics one may need more to have its share."""
_TOGETHER_TOKENS = Sampling().max_tokens
"""Two topics need more room than one: as much as the app gives a text."""


@dataclass(frozen=True)
class Pair:
    """What two dials did together."""

    labels: tuple[str, str]
    unsteered: float
    """The share of texts that show both concepts."""
    added: float
    pinned: tuple[float, ...]
    """One for each of PINNED_AT."""


@dataclass(frozen=True)
class Measured:
    """Everything that is said of the model."""

    text: TextFigures
    features: list[tuple[Direction, Verdict]]
    pairs: list[Pair]


class Measurement:
    """Texts written with a weights folder's model, on a seed that neither chose nor accepted its features."""

    def __init__(self, folder: Path, recipe: Recipe, report: Report) -> None:
        """The folder's files must all be there but the card."""
        self._shipped = read_shipped(folder)
        self._recipe = recipe
        self._report = report
        self._signatures = signatures_of(recipe)
        self._trial = SteeringTrial(
            self._shipped.model, self._shipped.tokenizer, self._signatures, self._shipped.mean_norm,
            recipe.text_tokens, recipe.seed + 2,
        )  # fmt: skip

    def text(self) -> TextFigures:
        """How well it writes unsteered."""
        self._report.say("writing stories")
        recipe, shipped = self._recipe, self._shipped
        checks = Checks(write_document(recipe.seed, number) for number in range(recipe.signature_documents))
        return write_stories(
            shipped.model, shipped.tokenizer, checks, self._signatures, _STORIES_AN_OPENING, recipe.seed + 2
        )

    def dials(self) -> list[tuple[Direction, Verdict]]:
        """What each offered feature does."""
        judge = Judge(self._trial, self._recipe.judged_samples, self._recipe.openings)
        directions = self._shipped.directions
        verdicts = judge.verdicts(directions, lambda *done: self._report.step("measuring", *done))
        return list(zip(directions, verdicts, strict=True))

    def pairs(self) -> list[Pair]:
        """What two dials do together."""
        return _pairs(self._trial, self._shipped.directions, self._recipe)


def _pairs(trial: SteeringTrial, directions: list[Direction], recipe: Recipe) -> list[Pair]:
    trial = replace(trial, tokens=min(_TOGETHER_TOKENS, 4 * trial.tokens))
    chosen = [direction for direction in directions if direction.concept.label in _TOGETHER]
    openings, samples = JUDGED_ON[: recipe.openings], recipe.judged_samples
    together = list(combinations(chosen, 2))
    if not together:
        return []
    vectors = torch.stack([torch.stack((one.vector, other.vector)) for one, other in together])
    vectors = vectors.repeat_interleave(samples, 0)
    unsteered = trial.written(torch.zeros(samples, vectors.shape[-1]), openings)
    added = trial.written(ADDED_AT * vectors.sum(1), openings)
    pinned = [trial.pinned(vectors, torch.tensor(values, dtype=torch.float32), openings) for values in PINNED_AT]
    made = []
    for place, pair in enumerate(together):
        labels = (pair[0].concept.label, pair[1].concept.label)
        shows = [trial.signatures.telltale(label).shows for label in labels]
        own = slice(place * samples, (place + 1) * samples)
        off, pushed, *held = (
            mean([all(show(text.text) for show in shows) for texts in written for text in texts])
            for written in (unsteered, added[own], *(texts[own] for texts in pinned))
        )
        made.append(Pair(labels, off, pushed, tuple(held)))
    return made


@click.command()
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Other weights.")
@click.option("--judged-samples", type=int, help="Texts an opening that each feature is measured on.")
def main(folder: Path | None, judged_samples: int | None) -> None:
    """Write texts with the model as it is shipped, with each dial and without, and print what came of it."""
    from steer_tui.engines.builtin.engine import WEIGHTS
    from steer_tui.engines.builtin.train.card import tables

    recipe = Recipe() if judged_samples is None else replace(Recipe(), judged_samples=judged_samples)
    with Report() as report:
        measurement = Measurement(folder or WEIGHTS, recipe, report)
        measured = Measured(measurement.text(), measurement.dials(), measurement.pairs())
    click.echo(tables(measured))


if __name__ == "__main__":
    main()
