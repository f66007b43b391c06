"""The whole training, stage after stage, each kept in the work folder so that a run can go on where it stopped."""

import shutil
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from steer_tui.engines.builtin.train import bpe, export
from steer_tui.engines.builtin.train.card import write_card
from steer_tui.engines.builtin.train.corpus.cast import names, pronouns
from steer_tui.engines.builtin.train.measure import Measured, Measurement
from steer_tui.engines.builtin.train.model import Transformer
from steer_tui.engines.builtin.train.offering import Offering, held_out_documents
from steer_tui.engines.builtin.train.packing import Tokenized, write_texts
from steer_tui.engines.builtin.train.pretraining import held_out_nats, pretrain
from steer_tui.engines.builtin.train.progress import Report
from steer_tui.engines.builtin.train.recipe import Recipe
from steer_tui.engines.builtin.train.reference import write_reference
from steer_tui.engines.builtin.train.residuals import collect_residuals
from steer_tui.engines.builtin.train.sae import SparseAutoencoder, train_sae

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
        recipe = self._recipe
        documents, tokenizer = self._corpus()
        model = self._model(documents, tokenizer)
        sae, mean_norm = self._sae(model, documents)
        # From here on everything is measured on the weights as the package will read them.
        model = export.rounded(model)
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._work / "tokenizer.json", out / "tokenizer.json")
        export.write_model(out, model)
        held_out = held_out_documents(self._recipe)
        tokenized = Tokenized.of([document.text for document in held_out], tokenizer)
        nats = held_out_nats(model, tokenized, self._recipe.batch_tokens)
        self._report.say(f"held out: {nats:.4f} nats a token")
        figures = export.TrainingFigures(
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            steps=sum(phase.steps for phase in self._recipe.plan),
            corpus_tokens=len(documents.ids),
            held_out_nats=nats,
            unexplained=sae.unexplained,
            dead=sae.dead,
        )
        export.write_json(
            out / "model.json", export.model_json(model.architecture, mean_norm, figures, self._recipe.seed)
        )
        offered = Offering(model, tokenizer, sae, mean_norm, self._recipe, self._report).write(
            out, self._work, held_out
        )
        write_reference(out, model, tokenizer)
        self._report.say(f"{len(offered)} features, {time.strftime('%H:%M:%S')}")
        measurement = Measurement(out, recipe, self._report)
        write_card(out, recipe, figures, Measured(measurement.text(), offered, measurement.pairs()))

    def _corpus(self) -> tuple[Tokenized, Tokenizer]:
        path, tokenizer_path = self._work / "documents.npz", self._work / "tokenizer.json"
        if not path.exists():
            texts: list[str] = []
            for text in write_texts(self._recipe.seed, self._recipe.documents):
                texts.append(text)
                if len(texts) % 1000 == 0:
                    self._report.step("corpus", len(texts), self._recipe.documents)
            bpe.write_tokenizer(tokenizer_path, bpe.train_merges(texts[:_TOKENIZER_DOCUMENTS]))
            Tokenized.of(texts, bpe.library_tokenizer(bpe.read_merges(tokenizer_path))).write(path)
        documents = Tokenized.read(path)
        self._report.say(f"corpus: {len(documents)} documents, {len(documents.ids)} tokens")
        return documents, bpe.library_tokenizer(bpe.read_merges(tokenizer_path))

    def _model(self, documents: Tokenized, tokenizer: Tokenizer) -> Transformer:
        def progress(done: int, total: int, note: str) -> None:
            self._report.step("transformer", done, total, note)

        recipe = self._recipe
        groups = (bpe.single_tokens(tokenizer, names()), bpe.single_tokens(tokenizer, pronouns()))
        checkpoint = self._work / "model.pt"
        return pretrain(
            documents, recipe.plan, recipe.batch_tokens, groups, recipe.seed, checkpoint, progress, self._compile
        ).eval()

    def _sae(self, model: Transformer, documents: Tokenized) -> tuple[SparseAutoencoder, float]:
        path = self._work / "sae.pt"
        recipe = self._recipe
        if not path.exists():
            chosen = np.random.default_rng(recipe.seed).permutation(len(documents))[: recipe.sae_documents]
            residuals = collect_residuals(
                model, documents, chosen, lambda done, total: self._report.step("residuals", done, total)
            )
            sae = train_sae(
                residuals, recipe.sae_width, recipe.sae_steps, recipe.sae_batch, recipe.seed,
                lambda done, total, note: self._report.step("sparse autoencoder", done, total, note),
            )  # fmt: skip
            torch.save({"sae": vars(sae), "mean_norm": residuals.mean_norm}, path)
        kept = torch.load(path)
        return SparseAutoencoder(**kept["sae"]), kept["mean_norm"]
