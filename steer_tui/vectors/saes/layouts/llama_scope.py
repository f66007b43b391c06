"""Llama Scope: `hyperparams.json` and `checkpoints/final.safetensors`, whose decoder has a column for each feature."""

from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import Any

from steer_tui.vectors.faults import quoted
from steer_tui.vectors.formats.json_files import read_settings
from steer_tui.vectors.formats.tensor_files import open_tensors
from steer_tui.vectors.saes.layouts.hooks import layer_of, not_residual
from steer_tui.vectors.saes.layouts.parts import (
    EncoderParts,
    Matrix,
    SaeParts,
    Threshold,
    relu,
    threshold_in_logarithms,
)
from steer_tui.vectors.saes.layouts.settings import number, text, width_of
from steer_tui.vectors.saes.layouts.weights import Weights

WEIGHTS = "checkpoints/final.safetensors"
SETTINGS = "hyperparams.json"


def llama_scope(folder: Path) -> SaeParts:
    """The parts of one of Llama Scope's SAEs."""
    told = read_settings(folder / SETTINGS)
    hook, out = text(told, "hook_point_in"), text(told, "hook_point_out")
    if hook is not None and out is not None and hook != out:
        raise not_residual(f"a transcoder to {out}", folder)
    path = folder / WEIGHTS
    weights = Weights(path, open_tensors(path).tensors)
    width = width_of(told, path, "d_model")
    scale, unread = _scale(told, width)
    decoder_bias = weights.vector_or_none("decoder.bias")
    subtracts = bool(told.get("apply_decoder_bias_to_pre_encoder", False))
    matrix = weights.matrix_or_none("encoder.weight")
    encoder = None
    if matrix is not None:
        encoder = EncoderParts(
            Matrix(matrix, features_in_rows=True),
            _threshold(told, weights, scale),
            weights.vector_or_none("encoder.bias"),
            decoder_bias if subtracts else None,
            scale,
        )
    return SaeParts(
        folder,
        path,
        Matrix(weights.matrix("decoder.weight"), features_in_rows=False),
        decoder_bias,
        layer_of(hook, folder) if hook else None,
        text(told, "model_name"),
        width,
        encoder,
        unread or ("The activations of an SAE with a GLU encoder are not read here." if _has_glu(told) else ""),
    )


def _has_glu(told: Mapping[str, Any]) -> bool:
    return bool(told.get("use_glu_encoder", False))


def _threshold(told: Mapping[str, Any], weights: Weights, scale: float) -> Threshold:
    logarithms = weights.vector_or_none("log_jumprelu_threshold")
    if logarithms is not None:
        return threshold_in_logarithms(logarithms)
    one = number(told, "jump_relu_threshold")
    if one is None or text(told, "act_fn") == "relu":
        return relu
    # written for inputs as they are, while the encoder's bias is for scaled ones; SAELens scales it too
    return lambda index: one * scale


def _scale(told: Mapping[str, Any], width: int | None) -> tuple[float, str]:
    way = text(told, "norm_activation") or "inference"
    if way == "inference":
        return 1.0, ""
    norms = told.get("dataset_average_activation_norm")
    norm = number(norms, "in") if isinstance(norms, dict) else None
    if way == "dataset-wise" and norm and width:
        return sqrt(width) / norm, ""
    return 1.0, f"The SAE's input was normalized {quoted(way)}, by a number that its settings do not tell."
