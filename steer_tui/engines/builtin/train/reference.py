"""Reference logits and activations, computed in torch, that the package's own arithmetic is compared with."""

import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from steer_tui.domain import DOSE_PER_NOTCH
from steer_tui.engines.builtin.train.bpe import END_OF_TEXT
from steer_tui.engines.builtin.train.export import save_arrays
from steer_tui.engines.builtin.train.model import Transformer

PROMPTS = (
    "Once upon a time there was a",
    "The weather today is cold, and",
    'She walked into the room and said, "Hello!"',
    "snow 🙂 雪が降る café 42",
)
LAST_POSITIONS = 4
STEERED_AT = 6


@torch.no_grad()
def write_reference(folder: Path, model: Transformer, tokenizer: Tokenizer) -> None:
    """Writes `reference.npz` from the float16 files that already lie in the folder.

    The first prompt is steered with the first feature at +6; the others are not.
    """
    features = json.loads((folder / "features.json").read_text(encoding="utf-8"))[:4]
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    with np.load(folder / "sae.npz") as file:
        arrays = {name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files}
    first = features[0]
    matrix = arrays["decoder"] if first["kind"] == "sae" else arrays["means.direction"]
    coefficient = STEERED_AT * DOSE_PER_NOTCH * card["meanResidualNorm"]
    written: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {
        "prompts": np.array(json.dumps(PROMPTS, ensure_ascii=False)),
        "features": np.array(json.dumps([feature["id"] for feature in features])),
        "coefficients": np.array([coefficient if number == 0 else 0.0 for number in range(len(PROMPTS))], np.float64),
    }
    for number, prompt in enumerate(PROMPTS):
        ids = [END_OF_TEXT, *tokenizer.encode(prompt).ids]
        residual = model.residual(torch.tensor([ids]))
        residual = residual + float(written["coefficients"][number]) * matrix[first["index"]]
        written[f"ids.{number}"] = np.array(ids, np.int32)
        written[f"logits.{number}"] = model.logits_from(residual)[0, -LAST_POSITIONS:].numpy()
        readings = []
        for feature in features:
            if feature["kind"] == "sae":
                pre = residual[0] @ arrays["encoder"][:, feature["index"]] + arrays["encoder_bias"][feature["index"]]
                readings.append(torch.where(pre > arrays["threshold"][feature["index"]], pre, 0))
            else:
                pre = residual[0] @ arrays["means.direction"][feature["index"]] + arrays["means.bias"][feature["index"]]
                readings.append(pre.clamp_min(0))
        written[f"activations.{number}"] = torch.stack(readings, dim=1).numpy()
    save_arrays(folder / "reference.npz", written)
