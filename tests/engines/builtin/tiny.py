"""A tiny model with random weights, in the files' own format, and a slow second opinion on what it computes."""

import json
import re
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

NAME, D, HEADS, MLP, LAYERS, CONTEXT, STEERED, FEATURES, MEANS = "tiny", 16, 2, 32, 3, 96, 2, 24, 5
MERGES, NORM = 40, 5.0
PATTERN = r" ?[A-Za-z]+| ?[0-9]| ?[^\sA-Za-z0-9]+|\s+"
SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
SAMPLE = "The snow fell on the sea, and the wind sang to the snow. The sea was cold; 日本 日本 😀😀 the end.\n\n" * 3

EVIDENCE = {
    f"{NAME}/2-sae/3": {
        "contexts": [{"tokens": ["The", " snow", "."], "activations": [0, 9.5, 0.25]}],
        "curve": [
            {"value": 6, "share": 0.9, "nats": 1.3, "randomShare": 0.03},
            {"value": -6, "share": 0.02, "nats": 1.1},
        ],
        "telltale": {"words": ["snow", "ice"]},
    },
    f"{NAME}/2-sae/5": {"contexts": [], "curve": [], "telltale": {"mark": "?", "least": 2}},
    f"{NAME}/2-sae/7": {"contexts": [], "curve": [], "telltale": None},
}


def merges_of(text: str, count: int) -> list[list[int]]:
    """Byte pair encoding learned the slow way."""
    words = [list(piece.encode()) for piece in re.findall(PATTERN, text)]
    merges: list[list[int]] = []
    while len(merges) < count:
        pairs = Counter(pair for word in words for pair in pairwise(word))
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(list(best))
        words = [merged(word, best, 256 + len(merges)) for word in words]
    return merges


def merged(word: list[int], pair: tuple[int, ...], token: int) -> list[int]:
    out: list[int] = []
    for byte in word:
        if out and (out[-1], byte) == tuple(pair):
            out[-1] = token
        else:
            out.append(byte)
    return out


def slow_encode(text: str, merges: list[list[int]]) -> list[int]:
    """Every merge in order over every piece."""
    ids: list[int] = []
    pattern = PATTERN.replace(r"[^\s", r"[^" + SPACE).replace(r"\s+", f"[{SPACE}]+")
    for piece in re.findall(pattern, text):
        word = list(piece.encode())
        for rank, pair in enumerate(merges):
            word = merged(word, tuple(pair), 257 + rank)
        ids += word
    return ids


def write_weights(folder: Path, seed: int = 0, *, end_bias: float = 0.0) -> Path:
    """Fill the folder with a random model; `end_bias` makes the end of text likelier."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    merges = merges_of(SAMPLE, MERGES)

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (rng.standard_normal(shape) * scale).astype(np.float16)

    def unit_rows(count: int) -> np.ndarray:
        rows = rng.standard_normal((count, D))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)

    arrays = {"embedding": normal(257 + len(merges), D), "final_norm": normal(D, scale=0.3) + np.float16(1)}
    arrays["embedding"][256] += np.float16(end_bias)
    for i in range(LAYERS):
        arrays |= {
            f"layers.{i}.attention_norm": normal(D, scale=0.3) + np.float16(1),
            f"layers.{i}.qkv": normal(D, 3 * D, scale=0.3),
            f"layers.{i}.attention_out": normal(D, D, scale=0.3),
            f"layers.{i}.mlp_norm": normal(D, scale=0.3) + np.float16(1),
            f"layers.{i}.mlp_up": normal(D, MLP, scale=0.2),
            f"layers.{i}.mlp_down": normal(MLP, D, scale=0.2),
        }
    np.savez(folder / "model.npz", **arrays)
    np.savez(
        folder / "sae.npz",
        **{
            "encoder": normal(D, FEATURES),
            "encoder_bias": normal(FEATURES),
            "threshold": np.abs(normal(FEATURES)),
            "decoder": unit_rows(FEATURES),
            "means.direction": unit_rows(MEANS),
            "means.bias": normal(MEANS),
        },
    )
    card = {
        "format": 1,
        "name": NAME,
        "vocabularySize": 257 + len(merges),
        "layers": LAYERS,
        "width": D,
        "heads": HEADS,
        "mlpWidth": MLP,
        "context": CONTEXT,
        "ropeBase": 10000.0,
        "normEpsilon": 1e-5,
        "steeringLayer": STEERED,
        "meanResidualNorm": NORM,
    }
    (folder / "model.json").write_text(json.dumps(card))
    tokenizer = {"format": 1, "pattern": PATTERN, "endOfText": 256, "merges": merges}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    features = [
        row("winter", "sae", 3, promoted=[" snow", " ice"]),
        row("sea", "sae", 5, promoted=[" wave"]),
        row("a winter sea", "difference of means", 2, promoted=[" seal"]),
        row("music", "sae", 7, promoted=[" song"]),
    ]
    (folder / "features.json").write_text(json.dumps(features))
    (folder / "evidence.json").write_text(json.dumps(EVIDENCE))
    return folder


def row(label: str, kind: str, index: int, promoted: list[str]) -> dict[str, object]:
    source = "2-sae" if kind == "sae" else "2-means"
    return {
        "id": f"{NAME}/{source}/{index}",
        "label": label,
        "kind": kind,
        "index": index,
        "maxActivation": 9.5,
        "density": 0.02,
        "promoted": promoted,
        "suppressed": [" sun"],
        "share": {},
    }


@cache
def exact_weights(folder: Path) -> dict[str, np.ndarray]:
    return {name: array.astype(np.float64) for name, array in np.load(folder / "model.npz").items()}


def slow_forward(folder: Path, ids: list[int], delta: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Logits [positions, vocabulary] and the steered layer's residuals [positions, d]: float64, no cache, no tricks."""
    card = json.loads((folder / "model.json").read_text())
    w = exact_weights(folder)
    heads, d = card["heads"], card["width"]
    head = d // heads

    def norm(x: np.ndarray, gain: np.ndarray) -> np.ndarray:
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + card["normEpsilon"]) * gain

    def turned(x: np.ndarray) -> np.ndarray:
        angles = np.arange(len(x))[:, None] / card["ropeBase"] ** (np.arange(0, head, 2) / head)
        cos, sin = np.cos(angles), np.sin(angles)
        first, second = x[:, : head // 2], x[:, head // 2 :]
        return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=1)

    x = w["embedding"][ids]
    residuals = x
    for i in range(card["layers"]):
        q, k, v = np.split(norm(x, w[f"layers.{i}.attention_norm"]) @ w[f"layers.{i}.qkv"], 3, axis=1)
        mixed = []
        for h in range(heads):
            part = slice(h * head, (h + 1) * head)
            scores = turned(q[:, part]) @ turned(k[:, part]).T / np.sqrt(head)
            scores[np.triu_indices(len(ids), 1)] = -np.inf
            weights = np.exp(scores - scores.max(1, keepdims=True))
            mixed.append(weights / weights.sum(1, keepdims=True) @ v[:, part])
        x = x + np.concatenate(mixed, axis=1) @ w[f"layers.{i}.attention_out"]
        hidden = norm(x, w[f"layers.{i}.mlp_norm"]) @ w[f"layers.{i}.mlp_up"]
        x = x + np.maximum(hidden, 0) ** 2 @ w[f"layers.{i}.mlp_down"]
        if i + 1 == card["steeringLayer"]:
            x = x if delta is None else x + delta
            residuals = x
    return norm(x, w["final_norm"]) @ w["embedding"].T, residuals
