"""The files of the weights folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from steer_tui.domain import Telltale
from steer_tui.engines.builtin.train.judgement import Verdict
from steer_tui.engines.builtin.train.model import Architecture, Transformer
from steer_tui.engines.builtin.train.readings import Readings
from steer_tui.engines.builtin.train.sae import SparseAutoencoder
from steer_tui.engines.builtin.train.trial import Direction

MODEL_NAME = "stories-2M"
KINDS = {"sae": "sae", "means": "difference of means"}
_SHOWN_TOKENS = 8
_CONTEXTS = 3
_OFF_CONCEPT = 0.98


def half(tensor: Tensor) -> NDArray[np.float16]:
    """A tensor as float16."""
    return tensor.detach().numpy().astype(np.float16)


def rounded(model: Transformer) -> Transformer:
    """The same model with every parameter rounded to float16 and back, as the package reads it."""
    copy = Transformer(model.architecture)
    copy.load_state_dict({name: value.half().float() for name, value in model.state_dict().items()})
    return copy.eval()


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes arrays to an uncompressed `.npz` file."""
    np.savez(path, **arrays)  # type: ignore[arg-type]


def write_model(folder: Path, model: Transformer) -> None:
    """Writes `model.npz`."""
    save_arrays(folder / "model.npz", {name: half(value) for name, value in model.state_dict().items()})


def write_directions(folder: Path, sae: SparseAutoencoder, means: list[tuple[Tensor, float]]) -> None:
    """Writes `sae.npz`: the autoencoder, and the differences of means with the bias of their reading."""
    vectors = torch.stack([vector for vector, _ in means]) if means else torch.zeros(0, sae.decoder.shape[1])
    arrays = {
        "encoder": sae.encoder,
        "encoder_bias": sae.encoder_bias,
        "threshold": sae.threshold,
        "decoder": sae.decoder,
        "means.direction": vectors,
        "means.bias": torch.tensor([bias for _, bias in means]),
    }
    save_arrays(folder / "sae.npz", {name: half(value) for name, value in arrays.items()})


def reading_bias(readings: Readings, direction: Direction) -> float:
    """The bias that keeps a difference of means at zero on almost all tokens without the concept."""
    _, negative = readings.mask(direction.concept)
    off = readings.token_residuals[negative[readings.token_sentence]].float() @ direction.vector
    return -float(off.sort().values[int(_OFF_CONCEPT * len(off))])


def shown_tokens(tokenizer: Tokenizer, readings: Readings, promotion: Tensor) -> tuple[list[str], list[str]]:
    """The tokens that a direction promotes and suppresses most, of those that begin a word."""
    words: list[tuple[float, str]] = []
    for token in sorted(set(readings.token_ids.tolist())):
        text = tokenizer.decode([token])
        if text.startswith(" ") and len(text) >= 4 and text.strip().isalpha():
            words.append((float(promotion[token]), text))
    words.sort(reverse=True)
    return [text for _, text in words[:_SHOWN_TOKENS]], [text for _, text in words[: -_SHOWN_TOKENS - 1 : -1]]


def feature_row(
    direction: Direction, index: int, activations: Tensor, shown: tuple[list[str], list[str]]
) -> dict[str, Any]:
    """An entry of `features.json`, from the feature's activations [tokens] on held-out text."""
    return {
        "id": f"{MODEL_NAME}/{Architecture().steering_layer}-{direction.kind}/{index}",
        "label": direction.concept.label,
        "kind": KINDS[direction.kind],
        "index": index,
        "maxActivation": round(float(activations.max()), 3),
        "density": round(float((activations > 0).float().mean()), 5),
        "promoted": shown[0],
        "suppressed": shown[1],
        "f1": round(direction.f1, 3),
        "auroc": round(direction.auroc, 3),
    }


def top_contexts(tokenizer: Tokenizer, readings: Readings, activations: Tensor) -> list[dict[str, Any]]:
    """The held-out sentences in which a feature fires most, no text twice, with its activation on each token."""
    made: list[dict[str, Any]] = []
    peaks = torch.zeros(len(readings.labels)).scatter_reduce(0, readings.token_sentence, activations, "amax")
    for sentence in peaks.argsort(descending=True).tolist():
        inside = readings.token_sentence == sentence
        tokens = [tokenizer.decode([token]) for token in readings.token_ids[inside].tolist()]
        if all(tokens != context["tokens"] for context in made):
            made.append({"tokens": tokens, "activations": [round(value, 2) for value in activations[inside].tolist()]})
        if len(made) == _CONTEXTS:
            break
    return made


def curve_rows(verdict: Verdict) -> list[dict[str, float]]:
    """What the dial did to texts, value by value."""
    return [
        {
            "value": value,
            "share": round(verdict.share[value], 3),
            "nats": round(verdict.nats[value], 3),
            "randomShare": round(verdict.random_share[value], 3),
        }
        for value in sorted(verdict.share)
    ]


def telltale_row(telltale: Telltale) -> dict[str, Any]:
    """How a text shows the concept."""
    if telltale.mark is not None:
        return {"mark": telltale.mark, "least": telltale.least}
    return {"words": sorted(telltale.words)}


def write_json(path: Path, content: Any) -> None:
    """Writes a JSON file that reads well in a diff."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_compact_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON object with a line an entry."""
    lines = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in content.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


@dataclass(frozen=True)
class TrainingFigures:
    """What training came to."""

    parameters: int
    steps: int
    corpus_tokens: int
    held_out_nats: float
    """A token, over held-out documents."""
    unexplained: float
    """The share of the variance of the residual stream that the sparse autoencoder leaves unexplained."""
    dead: int
    """Features of the autoencoder that never fire."""


def model_json(architecture: Architecture, mean_norm: float, figures: TrainingFigures, seed: int) -> dict[str, Any]:
    """What `model.json` holds."""
    return {
        "format": 1,
        "name": MODEL_NAME,
        "vocabularySize": architecture.vocabulary_size,
        "layers": architecture.layers,
        "width": architecture.width,
        "heads": architecture.heads,
        "mlpWidth": architecture.mlp_width,
        "context": architecture.context,
        "ropeBase": architecture.rope_base,
        "normEpsilon": architecture.norm_epsilon,
        "steeringLayer": architecture.steering_layer,
        "meanResidualNorm": round(mean_norm, 4),
        "heldOutNats": round(figures.held_out_nats, 4),
        "parameters": figures.parameters,
        "saeUnexplained": round(figures.unexplained, 4),
        "seed": seed,
    }
