"""`python -m steer_tui.engines.builtin.train.measure`: measures the shipped model anew and prints the tables."""

from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import click
import torch

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
_TOGETHER_AT = 4


@dataclass(frozen=True)
class Pair:
    """What two dials did together."""

    labels: tuple[str, str]
    both: float
    """The share of texts that show both concepts."""
    both_unsteered: float


@dataclass(frozen=True)
class Measured:
    """Everything that is said of the model."""

    text: TextFigures
    features: list[tuple[Direction, Verdict]]
    pairs: list[Pair]


def measure(folder: Path, recipe: Recipe, report: Report) -> Measured:
    """The figures of a weights folder, on a seed that neither chose nor accepted its features."""
    shipped = read_shipped(folder)
    signatures = signatures_of(recipe)
    torch.set_num_threads(1)
    report.say("writing stories")
    checks = Checks(write_document(recipe.seed, number) for number in range(recipe.signature_documents))
    seed = recipe.seed + 2
    text = write_stories(shipped.model, shipped.tokenizer, checks, signatures, _STORIES_AN_OPENING, seed)
    trial = SteeringTrial(
        shipped.model, shipped.tokenizer, signatures, shipped.mean_norm, recipe.text_tokens, seed
    )  # fmt: skip
    judge = Judge(trial, recipe.judged_samples, recipe.openings)
    verdicts = judge.verdicts(shipped.directions, lambda *done: report.step("measuring", *done))
    pairs = _pairs(trial, shipped.directions, recipe)
    return Measured(text, list(zip(shipped.directions, verdicts, strict=True)), pairs)


def _pairs(trial: SteeringTrial, directions: list[Direction], recipe: Recipe) -> list[Pair]:
    chosen = [direction for direction in directions if direction.concept.label in _TOGETHER]
    openings = JUDGED_ON[: recipe.openings]
    made = []
    for one, other in combinations(chosen, 2):
        push = _TOGETHER_AT * (one.vector + other.vector)
        samples = recipe.judged_samples
        written = trial.written(torch.stack([push] * samples + [0 * push] * samples), openings)
        labels = (one.concept.label, other.concept.label)
        shows = [trial.signatures.telltale(label).shows for label in labels]
        both = [mean([all(show(text.text) for show in shows) for text in texts]) for texts in written]
        made.append(Pair(labels, mean(both[:samples]), mean(both[samples:])))
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
        measured = measure(folder or WEIGHTS, recipe, report)
    click.echo(tables(measured))


if __name__ == "__main__":
    main()
