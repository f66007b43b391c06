"""The files of a weights folder, read back into torch as they were written."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from steer_tui.engines.builtin.train import bpe
from steer_tui.engines.builtin.train.concepts import concepts
from steer_tui.engines.builtin.train.export import KINDS
from steer_tui.engines.builtin.train.model import Architecture, Transformer
from steer_tui.engines.builtin.train.trial import Direction


@dataclass(frozen=True)
class Shipped:
    """A model and the directions that it offers."""

    model: Transformer
    tokenizer: Tokenizer
    mean_norm: float
    """The mean norm R of the residual stream after the steering layer."""
    directions: list[Direction]


def read_shipped(folder: Path) -> Shipped:
    """What `features.json` offers, with the arrays of `model.npz` and `sae.npz`."""
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    model = Transformer(Architecture(vocabulary_size=card["vocabularySize"])).eval()
    with np.load(folder / "model.npz") as file:
        model.load_state_dict({name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files})
    with np.load(folder / "sae.npz") as file:
        vectors = {
            kind: torch.from_numpy(file[name].astype(np.float32))
            for kind, name in (("sae", "decoder"), ("means", "means.direction"))
        }
    by_label = {concept.label: concept for concept in concepts()}
    kinds = {name: kind for kind, name in KINDS.items()}
    directions = []
    for row in json.loads((folder / "features.json").read_text(encoding="utf-8")):
        kind, index = kinds[row["kind"]], row["index"]
        directions.append(Direction(by_label[row["label"]], kind, index, vectors[kind][index], row["f1"], row["auroc"]))
    tokenizer = bpe.library_tokenizer(bpe.read_merges(folder / "tokenizer.json"))
    return Shipped(model, tokenizer, card["meanResidualNorm"], directions)
