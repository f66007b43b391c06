"""From a trained model to the features it offers: found, chosen, judged, and written down with the evidence."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer

from steer_tui.domain import DOSE_PER_NOTCH
from steer_tui.engines.builtin.train import export
from steer_tui.engines.builtin.train.concepts import Signatures, concepts
from steer_tui.engines.builtin.train.corpus.documents import Document, write_document
from steer_tui.engines.builtin.train.effects import effects, opening_tokens, promotions
from steer_tui.engines.builtin.train.judgement import Judge, Verdict
from steer_tui.engines.builtin.train.labelling import SCREENED_AT, accepted, candidates, finalists, worth_judging
from steer_tui.engines.builtin.train.model import Transformer
from steer_tui.engines.builtin.train.openings import CHOSEN_ON
from steer_tui.engines.builtin.train.progress import Report
from steer_tui.engines.builtin.train.readings import Readings, read_documents
from steer_tui.engines.builtin.train.recipe import Recipe
from steer_tui.engines.builtin.train.sae import SparseAutoencoder
from steer_tui.engines.builtin.train.trial import Direction, SteeringTrial

Offered = list[tuple[Direction, Verdict]]


def signatures_of(recipe: Recipe) -> Signatures:
    """The words that belong to one concept alone, as the first documents of the corpus use them."""
    return Signatures(write_document(recipe.seed, number) for number in range(recipe.signature_documents))


def held_out_documents(recipe: Recipe) -> list[Document]:
    """Documents of the same corpus that no training saw."""
    return [write_document(recipe.seed, recipe.documents + number) for number in range(recipe.held_out)]


class Offering:
    """The search for features in one model."""

    def __init__(self, model: Transformer, tokenizer: Tokenizer, sae: SparseAutoencoder, mean_norm: float,
                 recipe: Recipe, report: Report) -> None:  # fmt: skip
        """The model as the package will read it, and the mean norm of the residual stream after its steering layer."""
        self._model = model
        self._tokenizer = tokenizer
        self._sae = sae
        self._unit = DOSE_PER_NOTCH * mean_norm
        self._recipe = recipe
        self._report = report
        self._signatures = signatures_of(recipe)
        self._trial = SteeringTrial(model, tokenizer, self._signatures, mean_norm, recipe.text_tokens, recipe.seed)

    def write(self, out: Path, work: Path, held_out: list[Document]) -> Offered:
        """Writes `sae.npz`, `features.json` and `evidence.json`; in the work folder, what was measured of the rest."""
        self._report.say("reading held-out documents")
        readings = read_documents(self._model, self._tokenizer, self._sae, held_out)
        judged = self._judged(self._candidates(readings))
        offered = accepted(judged)
        self._write_files(out, offered, readings)
        table = [
            {"label": verdict.concept.label, "kind": direction.kind, "f1": direction.f1, "auroc": direction.auroc,
             "share": verdict.share, "nats": verdict.nats, "random": verdict.random_share, "own": verdict.own_share,
             "faults": verdict.faults}
            for pairs in judged for direction, verdict in pairs
        ]  # fmt: skip
        (work / "judged.json").write_text(json.dumps(table, indent=1), encoding="utf-8")
        return offered

    def _candidates(self, readings: Readings) -> list[Direction]:
        vocabulary_size = self._model.architecture.vocabulary_size
        marks = opening_tokens(self._tokenizer, self._signatures, concepts(), vocabulary_size)
        pushes = SCREENED_AT * self._unit * self._sae.decoder
        return candidates(readings, self._sae, effects(self._model, self._tokenizer, pushes, marks))

    def _judged(self, directions: list[Direction]) -> list[list[tuple[Direction, Verdict]]]:
        recipe = self._recipe

        def run(part: list[Direction], value: int, openings: int) -> None:
            stage = f"steering at {value:+d}"
            self._trial.run(part, value, CHOSEN_ON[:openings], lambda *done: self._report.step(stage, *done))

        for value in (0, SCREENED_AT):
            run(directions, value, recipe.screening_openings)
        final = finalists(directions)
        for value in (0, SCREENED_AT):
            run(final, value, recipe.openings)
        chosen = worth_judging(final)
        # Other openings and another seed than those that the directions were chosen by.
        trial = SteeringTrial(self._model, self._tokenizer, self._signatures, self._unit / DOSE_PER_NOTCH,
                              recipe.text_tokens, recipe.seed + 1)  # fmt: skip
        judge = Judge(trial, recipe.judged_samples, recipe.openings)

        def judged(stage: str, part: list[Direction]) -> list[tuple[Direction, Verdict]]:
            verdicts = judge.verdicts(part, lambda *done: self._report.step(stage, *done))
            return list(zip(part, verdicts, strict=True))

        first = judged("judging", [directions[0] for directions in chosen])
        failing = [directions[1:] for directions, (_, verdict) in zip(chosen, first, strict=True) if verdict.faults]
        others = judged("judging the others", [direction for directions in failing for direction in directions])
        return [[pair, *(other for other in others if other[0].concept == pair[0].concept)] for pair in first]

    def _write_files(self, out: Path, offered: Offered, readings: Readings) -> None:
        directions = [direction for direction, _ in offered]
        means = [direction for direction in directions if direction.kind == "means"]
        biases = [export.reading_bias(readings, direction) for direction in means]
        export.write_directions(out, self._sae, list(zip([d.vector for d in means], biases, strict=True)))
        pushes = SCREENED_AT * self._unit * torch.stack([direction.vector for direction in directions])
        promoted = promotions(self._model, self._tokenizer, pushes)
        rows, evidence = [], {}
        for direction, verdict, row in zip(directions, (verdict for _, verdict in offered), promoted, strict=True):
            if direction.kind == "sae":
                index, activations = (
                    direction.index,
                    self._sae.activations(readings.token_residuals.float())[:, direction.index],
                )
            else:
                index = next(n for n, other in enumerate(means) if other is direction)
                activations = (readings.token_residuals.float() @ direction.vector + biases[index]).clamp_min(0)
            feature = export.feature_row(
                direction, index, activations, export.shown_tokens(self._tokenizer, readings, row)
            )
            rows.append(feature)
            evidence[feature["id"]] = {
                "contexts": export.top_contexts(self._tokenizer, readings, activations),
                "curve": export.curve_rows(verdict),
                "telltale": export.telltale_row(self._signatures.telltale(direction.concept.label)),
            }
        export.write_json(out / "features.json", rows)
        export.write_compact_json(out / "evidence.json", evidence)
