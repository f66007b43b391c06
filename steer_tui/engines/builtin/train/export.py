"""The files of the weights folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from steer_tui.engines.builtin.train.model import Architecture, Transformer
from steer_tui.engines.builtin.train.readings import Readings
from steer_tui.engines.builtin.train.sae import SparseAutoencoder
from steer_tui.engines.builtin.train.trial import Direction

MODEL_NAME = "stories-2M"
_KINDS = {"sae": "sae", "means": "difference of means"}
_SHOWN_TOKENS = 8
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


def shown_tokens(tokenizer: Tokenizer, seen: frozenset[int], promotion: Tensor) -> tuple[list[str], list[str]]:
    """The tokens that a direction promotes and suppresses most, of those that begin a word."""
    words: list[tuple[float, str]] = []
    for token in sorted(seen):
        text = tokenizer.decode([token])
        if text.startswith(" ") and len(text) >= 4 and text.strip().isalpha():
            words.append((float(promotion[token]), text))
    words.sort(reverse=True)
    return [text for _, text in words[:_SHOWN_TOKENS]], [text for _, text in words[: -_SHOWN_TOKENS - 1 : -1]]


def feature_rows(
    chosen: list[Direction],
    biases: dict[str, float],
    rows: dict[str, int],
    shown: list[tuple[list[str], list[str]]],
    readings: Readings,
) -> list[dict[str, Any]]:
    """What `features.json` holds; `biases` and `rows` are those of the differences of means, by label."""
    made = []
    for direction, (promoted, suppressed) in zip(chosen, shown, strict=True):
        label = direction.concept.label
        if direction.kind == "sae":
            index = direction.index
            peak, density = float(readings.max_activation[index]), float(readings.density[index])
        else:
            index = rows[label]
            values = (readings.token_residuals.float() @ direction.vector + biases[label]).clamp_min(0)
            peak, density = float(values.max()), float((values > 0).float().mean())
        made.append(
            {
                "id": f"{MODEL_NAME}/{Architecture().steering_layer}-{direction.kind}/{index}",
                "label": label,
                "kind": _KINDS[direction.kind],
                "index": index,
                "maxActivation": round(peak, 3),
                "density": round(density, 5),
                "promoted": promoted,
                "suppressed": suppressed,
                "share": {str(value): round(share, 3) for value, share in sorted(direction.share.items())},
                "f1": round(direction.f1, 3),
                "auroc": round(direction.auroc, 3),
            }
        )
    return made


def write_json(path: Path, content: Any) -> None:
    """Writes a JSON file that reads well in a diff."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def model_card(
    architecture: Architecture, mean_norm: float, nats: float, parameters: int, trained_tokens: int, seed: int
) -> dict[str, Any]:
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
        "heldOutNats": round(nats, 4),
        "parameters": parameters,
        "trainedTokens": trained_tokens,
        "seed": seed,
    }
