"""The whole training, stage after stage, each kept in the work folder so that a run can go on where it stopped."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from steer_tui.engines.builtin.train import bpe, export
from steer_tui.engines.builtin.train.concepts import Signatures, concepts
from steer_tui.engines.builtin.train.corpus.documents import Document, write_document
from steer_tui.engines.builtin.train.effects import effects, opening_tokens, promotions
from steer_tui.engines.builtin.train.generation import OPENINGS
from steer_tui.engines.builtin.train.labelling import (
    MEASURED_AT,
    SCREENED_AT,
    candidates,
    choose,
    finalists,
    in_order,
)
from steer_tui.engines.builtin.train.model import Architecture, Transformer
from steer_tui.engines.builtin.train.packing import Tokens, pack, write_texts
from steer_tui.engines.builtin.train.pretraining import held_out_nats, pretrain
from steer_tui.engines.builtin.train.progress import Report
from steer_tui.engines.builtin.train.readings import read_documents
from steer_tui.engines.builtin.train.recipe import Recipe
from steer_tui.engines.builtin.train.reference import write_reference
from steer_tui.engines.builtin.train.residuals import collect_residuals
from steer_tui.engines.builtin.train.sae import SparseAutoencoder, train_sae
from steer_tui.engines.builtin.train.trial import DOSE_PER_NOTCH, Direction, SteeringTrial

_TOKENIZER_DOCUMENTS = 30_000


class Pipeline:
    """One run of a recipe."""

    def __init__(self, recipe: Recipe, work: Path, report: Report, compile_model: bool) -> None:
        """A run whose stages are kept in the folder `work`."""
        self._recipe = recipe
        self._work = work
        self._report = report
        self._compile = compile_model
        work.mkdir(parents=True, exist_ok=True)

    def run(self, out: Path) -> None:
        """Makes all files of the weights folder."""
        rows, tokenizer = self._corpus()
        model = self._model(rows)
        sae, mean_norm = self._sae(model, rows)
        # From here on everything is measured on the weights as the package will read them.
        model = export.rounded(model)
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._work / "tokenizer.json", out / "tokenizer.json")
        export.write_model(out, model)
        held_out = self._held_out()
        held_out_rows = pack([document.text for document in held_out], tokenizer, model.architecture.context)
        nats = held_out_nats(model, held_out_rows, min(8, len(held_out_rows)))
        self._report.say(f"held out: {nats:.4f} nats a token")
        parameters = sum(parameter.numel() for parameter in model.parameters())
        trained = sum(phase.steps for phase in self._recipe.plan) * self._recipe.batch * model.architecture.context
        card = export.model_card(model.architecture, mean_norm, nats, parameters, trained, self._recipe.seed)
        card["saeUnexplained"] = round(sae.unexplained, 4)
        export.write_json(out / "model.json", card)
        self._features(out, model, tokenizer, sae, mean_norm, held_out)
        write_reference(out, model, tokenizer)

    def _corpus(self) -> tuple[Tokens, Tokenizer]:
        path, tokenizer_path = self._work / "rows.npy", self._work / "tokenizer.json"
        if not path.exists():
            texts: list[str] = []
            for text in write_texts(self._recipe.seed, self._recipe.documents):
                texts.append(text)
                if len(texts) % 1000 == 0:
                    self._report.step("corpus", len(texts), self._recipe.documents)
            bpe.write_tokenizer(tokenizer_path, bpe.train_merges(texts[:_TOKENIZER_DOCUMENTS]))
            tokenizer = bpe.library_tokenizer(bpe.read_merges(tokenizer_path))
            np.save(path, pack(texts, tokenizer, Architecture().context))
        rows: Tokens = np.load(path)
        self._report.say(f"corpus: {len(rows)} rows of {rows.shape[1] - 1} tokens")
        return rows, bpe.library_tokenizer(bpe.read_merges(tokenizer_path))

    def _model(self, rows: Tokens) -> Transformer:
        def progress(done: int, total: int, note: str) -> None:
            self._report.step("transformer", done, total, note)

        recipe = self._recipe
        checkpoint = self._work / "model.pt"
        return pretrain(rows, recipe.plan, recipe.batch, recipe.seed, checkpoint, progress, self._compile).eval()

    def _sae(self, model: Transformer, rows: Tokens) -> tuple[SparseAutoencoder, float]:
        path = self._work / "sae.pt"
        recipe = self._recipe
        if not path.exists():
            chosen = np.random.default_rng(recipe.seed).permutation(len(rows))[: recipe.sae_sequences]
            residuals = collect_residuals(
                model, rows[chosen], lambda done, total: self._report.step("residuals", done, total)
            )
            sae = train_sae(
                residuals, recipe.sae_width, recipe.sae_steps, recipe.sae_batch, recipe.seed,
                lambda done, total, note: self._report.step("sparse autoencoder", done, total, note),
            )  # fmt: skip
            torch.save({"sae": vars(sae), "mean_norm": residuals.mean_norm}, path)
        kept = torch.load(path)
        return SparseAutoencoder(**kept["sae"]), kept["mean_norm"]

    def _held_out(self) -> list[Document]:
        recipe = self._recipe
        return [write_document(recipe.seed, recipe.documents + number) for number in range(recipe.held_out)]

    def _features(self, out: Path, model: Transformer, tokenizer: Tokenizer, sae: SparseAutoencoder, mean_norm: float,
                  held_out: list[Document]) -> None:  # fmt: skip
        self._report.say("reading held-out documents")
        readings = read_documents(model, tokenizer, sae, held_out)
        recipe = self._recipe
        signatures = Signatures(write_document(recipe.seed, number) for number in range(recipe.signature_documents))
        marks = opening_tokens(tokenizer, signatures, concepts(), model.architecture.vocabulary_size)
        coefficient = SCREENED_AT * DOSE_PER_NOTCH * mean_norm
        directions = candidates(readings, sae, effects(model, tokenizer, coefficient * sae.decoder, marks))

        trial = SteeringTrial(model, tokenizer, signatures, mean_norm, recipe.text_tokens, recipe.seed)
        # The tensors of generation are small: a second thread costs more in waiting than it brings.
        torch.set_num_threads(1)

        def run(value: int, part: list[Direction], openings: int) -> None:
            stage = f"steering at {value:+d}"
            trial.run(part, value, OPENINGS[:openings], lambda done, total: self._report.step(stage, done, total))

        run(SCREENED_AT, directions, recipe.screening_openings)
        final = finalists(directions)
        for value in (0, SCREENED_AT):
            run(value, final, recipe.openings)
        chosen = choose(final)
        for value in MEASURED_AT:
            if value not in (0, SCREENED_AT):
                run(value, chosen, recipe.openings)
        chosen = in_order(chosen)
        means = [direction for direction in chosen if direction.kind == "means"]
        biases = {direction.concept.label: export.reading_bias(readings, direction) for direction in means}
        rows = {direction.concept.label: number for number, direction in enumerate(means)}
        export.write_directions(out, sae, [(direction.vector, biases[direction.concept.label]) for direction in means])
        promoted = promotions(model, tokenizer, coefficient * torch.stack([d.vector for d in chosen]))
        shown = [export.shown_tokens(tokenizer, readings.seen_tokens, row) for row in promoted]
        export.write_json(out / "features.json", export.feature_rows(chosen, biases, rows, shown, readings))
        table = [
            {"label": d.concept.label, "kind": d.kind, "index": d.index, "f1": d.f1, "auroc": d.auroc,
             "share": d.share, "nats": d.nats, "offered": d in chosen}
            for d in directions
        ]  # fmt: skip
        (self._work / "measured.json").write_text(json.dumps(table), encoding="utf-8")
        self._report.say(f"{len(chosen)} features, {time.strftime('%H:%M:%S')}")
