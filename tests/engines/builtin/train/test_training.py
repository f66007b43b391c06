import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from steer_tui.engines.builtin.catalogue import read_card, read_catalogue, read_tokenizer
from steer_tui.engines.builtin.steering import Addition
from steer_tui.engines.builtin.tokenizer import Tokenizer
from steer_tui.engines.builtin.train import bpe
from steer_tui.engines.builtin.train.corpus.documents import write_document
from steer_tui.engines.builtin.transformer import Transformer
from steer_tui.engines.builtin.weights import read_directions, read_model

pytestmark = pytest.mark.train

SMALL = {
    "documents": 600,
    "held-out": 60,
    "signature-documents": 300,
    "steps": 20,
    "near-steps": 2,
    "nearest-steps": 2,
    "batch-tokens": 512,
    "sae-steps": 12,
    "sae-width": 64,
    "sae-batch": 256,
    "sae-documents": 40,
    "openings": 1,
    "judged-samples": 1,
    "screening-openings": 1,
    "text-tokens": 8,
}
FILES = {
    "model.npz",
    "sae.npz",
    "tokenizer.json",
    "model.json",
    "features.json",
    "evidence.json",
    "reference.npz",
    "model-card.md",
}


def train(folder: Path) -> Path:
    options = [f"--{name}={number}" for name, number in SMALL.items()]
    command = [sys.executable, "-m", "steer_tui.engines.builtin.train", "--no-compile", *options]
    out = folder / "weights"
    subprocess.run([*command, f"--out={out}", f"--work={folder / 'work'}"], check=True, timeout=300)
    return out


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("first"))


def test_all_files_are_there_and_the_package_reads_them(weights: Path) -> None:
    assert {path.name for path in weights.iterdir()} == FILES
    card = read_card(weights)
    read_tokenizer(weights, card)
    assert read_catalogue(weights, card).search("")
    read_model(weights, card)
    directions = read_directions(weights, card)
    np.testing.assert_allclose(np.linalg.norm(directions.decoder, axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(directions.means, axis=1), 1, atol=1e-3)


def test_the_loss_falls(weights: Path) -> None:
    card = json.loads((weights / "model.json").read_text())
    assert card["heldOutNats"] < 0.9 * np.log(card["vocabularySize"])


def test_the_same_seed_gives_the_same_bytes(weights: Path, tmp_path: Path) -> None:
    again = train(tmp_path)
    assert (again / "tokenizer.json").read_bytes() == (weights / "tokenizer.json").read_bytes()
    first_ids, second_ids = (np.load(folder.parent / "work" / "documents.npz")["ids"] for folder in (weights, again))
    np.testing.assert_array_equal(first_ids, second_ids)
    with np.load(weights / "model.npz") as first, np.load(again / "model.npz") as second:
        for name in first.files:
            np.testing.assert_allclose(first[name], second[name], atol=0.02, err_msg=name)


def test_numpy_gives_the_logits_and_activations_of_torch(weights: Path) -> None:
    card = read_card(weights)
    transformer = Transformer(card, read_model(weights, card))
    directions = read_directions(weights, card)
    rows = {row["id"]: row for row in json.loads((weights / "features.json").read_text())}
    with np.load(weights / "reference.npz") as reference:
        features = [rows[name] for name in json.loads(str(reference["features"]))]
        first = features[0]
        vectors = directions.decoder if first["kind"] == "sae" else directions.means
        for number, coefficient in enumerate(reference["coefficients"]):
            push = Addition((coefficient * vectors[first["index"]]).astype(np.float32))
            sequence = transformer.sequence(push)
            ids = reference[f"ids.{number}"].tolist()
            sequence.prefill(ids[:-1])
            sequence.step(ids[-1])
            np.testing.assert_allclose(sequence.logits, reference[f"logits.{number}"][-1], atol=2e-3)


def test_our_encoder_gives_the_ids_of_the_library(weights: Path) -> None:
    merges = bpe.read_merges(weights / "tokenizer.json")
    library = bpe.library_tokenizer(merges)
    ours = Tokenizer(bpe.PATTERN, merges)
    texts = [write_document(9, index).text for index in range(100)]
    for text in [*texts, "<|endoftext|>", "snow 🙂 雪が降る\n\n  café 42\t", ""]:
        assert ours.encode(text) == library.encode(text).ids
        assert ours.decode(ours.encode(text)) == text
