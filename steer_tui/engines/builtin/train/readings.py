"""What features and residuals do on held-out, labelled sentences."""

from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from steer_tui.engines.builtin.train.bpe import END_OF_TEXT
from steer_tui.engines.builtin.train.concepts import Concept
from steer_tui.engines.builtin.train.corpus.documents import Document
from steer_tui.engines.builtin.train.model import Transformer
from steer_tui.engines.builtin.train.sae import SparseAutoencoder


@dataclass(frozen=True)
class Readings:
    """Held-out sentences: their labels, residuals and feature activations."""

    labels: list[frozenset[str]]
    genres: list[str]
    mean_residual: Tensor
    """[sentences, width]"""
    onset: Tensor
    """[sentences, width] at the token before the sentence, which for a document's first is the end-of-text token."""
    follows: Tensor
    """[sentences] whether another sentence stands before it."""
    mean_activation: Tensor
    """[sentences, features]"""
    peak: Tensor
    """[sentences, features] the largest activation within the sentence."""
    token_residuals: Tensor
    """[tokens, width]"""
    token_sentence: Tensor
    """[tokens] the number of the sentence that the token stands in."""
    token_ids: Tensor
    """[tokens]"""
    max_activation: Tensor
    """[features]"""
    density: Tensor
    """[features] the share of tokens on which a feature fires."""

    def mask(self, concept: Concept) -> tuple[Tensor, Tensor]:
        """Sentences that show the concept, and those that it is compared with, both [sentences] of booleans."""
        shown = torch.tensor([concept.corpus_label in labels for labels in self.labels])
        within = torch.tensor([not concept.within or genre in concept.within for genre in self.genres])
        return shown & within, ~shown & within


@torch.no_grad()
def read_documents(
    model: Transformer, tokenizer: Tokenizer, sae: SparseAutoencoder, documents: list[Document]
) -> Readings:
    """Runs the model over every document, one at a time, and gathers by sentence."""
    labels: list[frozenset[str]] = []
    genres: list[str] = []
    means, onsets, follows, activity, peaks, residuals, places, tokens = [], [], [], [], [], [], [], []
    firing = torch.zeros(sae.threshold.shape)
    for document in documents:
        encoding = tokenizer.encode(document.text)
        ids = encoding.ids[: model.architecture.context - 1]
        before = model.residual(torch.tensor([[END_OF_TEXT, *ids]]))[0]
        residual = before[1:]
        activations = sae.activations(residual)
        firing += (activations > 0).sum(0)
        starts = np.array([start for start, _ in encoding.offsets[: len(ids)]])
        for sentence in document.sentences:
            inside = torch.from_numpy((starts >= sentence.start) & (starts < sentence.end))
            if not inside.any():
                continue
            labels.append(sentence.labels)
            genres.append(document.genre)
            means.append(residual[inside].mean(0))
            first = int(inside.nonzero()[0])
            onsets.append(before[first])
            follows.append(first > 0)
            activity.append(activations[inside].mean(0))
            peaks.append(activations[inside].amax(0))
            residuals.append(residual[inside].half())
            places.append(torch.full((int(inside.sum()),), len(labels) - 1))
            tokens.append(torch.tensor(ids)[inside])
    peak = torch.stack(peaks)
    token_residuals = torch.cat(residuals)
    return Readings(
        labels, genres, torch.stack(means), torch.stack(onsets), torch.tensor(follows), torch.stack(activity), peak,
        token_residuals, torch.cat(places), torch.cat(tokens), peak.amax(0), firing / len(token_residuals),
    )  # fmt: skip


def ranks(scores: Tensor) -> Tensor:
    """The rank of each sentence by each feature, from scores [sentences, features]; ties fall as they happen to lie."""
    columns = np.ascontiguousarray(scores.numpy().T)
    return torch.from_numpy(columns.argsort(axis=1).argsort(axis=1).astype(np.float32).T)


def area_under_curve(ranked: Tensor, positive: Tensor) -> Tensor:
    """AUROC [features] of ranks [sentences, features] for the sentences that are positive."""
    count = float(positive.sum())
    return (positive.float() @ ranked - count * (count - 1) / 2) / (count * (len(positive) - count))


def best_f1(scores: Tensor, positive: Tensor, negative: Tensor) -> float:
    """The F1 of one feature's scores [sentences] at its best threshold."""
    chosen = positive | negative
    order = scores[chosen].argsort(descending=True)
    hits = positive[chosen][order].float().cumsum(0)
    retrieved = torch.arange(1, len(hits) + 1)
    return float((2 * hits / (retrieved + hits[-1])).max())
