"""SAELens: `cfg.json` and `sae_weights.safetensors`; since its version 6 the hook and the model are in `metadata`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steer_tui.vectors.faults import quoted
from steer_tui.vectors.formats.json_files import read_settings
from steer_tui.vectors.formats.tensor_files import open_tensors
from steer_tui.vectors.saes.layouts.hooks import layer_of, not_residual
from steer_tui.vectors.saes.layouts.parts import (
    EncoderParts,
    Gate,
    Matrix,
    SaeParts,
    Threshold,
    relu,
    threshold_in,
    threshold_in_logarithms,
)
from steer_tui.vectors.saes.layouts.settings import number, text, width_of
from steer_tui.vectors.saes.layouts.weights import Weights

WEIGHTS = "sae_weights.safetensors"
SETTINGS = "cfg.json"
SCALE = "activation_scaler.json"

_READABLE = frozenset({"standard", "jumprelu", "gated", "topk", "batchtopk", "matryoshka_batchtopk"})
"""Those whose activation is a dot product, a bias and a threshold. Of those that keep the k largest it is read as it
stood before the others were dropped."""


def saelens(folder: Path) -> SaeParts:
    """The parts of an SAE that SAELens wrote."""
    told = read_settings(folder / SETTINGS)
    more = told.get("metadata")
    metadata: Mapping[str, Any] = more if isinstance(more, dict) else {}
    architecture = text(told, "architecture") or "standard"
    if "transcoder" in architecture:
        raise not_residual(f"a {architecture}", folder)
    hook = text(metadata, "hook_name", "hook_point") or text(told, "hook_name", "hook_point")
    layer = layer_of(hook, folder) if hook else None
    path = folder / WEIGHTS
    weights = Weights(path, open_tensors(path).tensors)
    decoder_bias = weights.vector_or_none("b_dec")
    scale, unread = _scale(told, folder)
    return SaeParts(
        folder,
        path,
        Matrix(weights.matrix("W_dec"), features_in_rows=True),
        decoder_bias,
        layer,
        text(metadata, "model_name") or text(told, "model_name"),
        width_of(told, path, "d_in"),
        _encoder(told, weights, scale),
        unread or _unreadable(architecture, told),
        text(metadata, "neuronpedia_id") or text(told, "neuronpedia_id"),
    )


def _encoder(told: Mapping[str, Any], weights: Weights, scale: float) -> EncoderParts | None:
    matrix = weights.matrix_or_none("W_enc")
    if matrix is None:
        return None
    return EncoderParts(
        Matrix(matrix, features_in_rows=False),
        _threshold(weights),
        weights.vector_or_none("b_enc"),
        weights.vector_or_none("b_dec") if told.get("apply_b_dec_to_input", True) else None,
        scale,
        _gate(weights),
        bool(told.get("rescale_acts_by_decoder_norm", False)),
    )


def _threshold(weights: Weights) -> Threshold:
    plain = weights.vector_or_none("threshold")
    if plain is not None:
        return threshold_in(plain)
    logarithms = weights.vector_or_none("log_threshold")
    return relu if logarithms is None else threshold_in_logarithms(logarithms)


def _gate(weights: Weights) -> Gate | None:
    bias, magnitude, stretch = (weights.vector_or_none(name) for name in ("b_gate", "b_mag", "r_mag"))
    if bias is None or magnitude is None or stretch is None:
        return None
    return Gate(bias, magnitude, stretch)


def _scale(told: Mapping[str, Any], folder: Path) -> tuple[float, str]:
    """What the SAE's input is multiplied by first, or why that cannot be told."""
    way = told.get("normalize_activations") or "none"
    if way == "none":
        return 1.0, ""
    if way in (True, "expected_average_only_in"):
        # folded into the weights at the end of a training; before that it stands in a file of its own
        kept = folder / SCALE
        factor = number(read_settings(kept), "scaling_factor") if kept.exists() else None
        if factor:
            return factor, ""
        return 1.0, f"The SAE's input was scaled by a number that only {SCALE} beside it would tell."
    return 1.0, f"The SAE's input was normalized by {quoted(way)}, token by token."


def _unreadable(architecture: str, told: Mapping[str, Any]) -> str:
    function = text(told, "activation_fn_str", "activation_fn") or "relu"
    if architecture not in _READABLE:
        return f"The activations of an SAE of the architecture {quoted(architecture)} are not read here."
    if function not in ("relu", "topk", "jumprelu", "batchtopk"):
        return f"The activations of an SAE with the activation function {quoted(function)} are not read here."
    return ""
