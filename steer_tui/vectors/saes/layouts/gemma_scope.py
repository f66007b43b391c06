"""Gemma Scope: the first has `params.npz` alone and says the rest by its folders, the second has `config.json` too."""

import re
from math import sqrt
from pathlib import Path

from steer_tui.vectors.direction import EMBEDDING
from steer_tui.vectors.formats.json_files import read_settings
from steer_tui.vectors.formats.npy_arrays import npz_arrays
from steer_tui.vectors.formats.tensor_files import open_tensors
from steer_tui.vectors.saes.layouts.hooks import layer_of, not_residual
from steer_tui.vectors.saes.layouts.parts import EncoderParts, Matrix, SaeParts, relu, threshold_in
from steer_tui.vectors.saes.layouts.settings import text
from steer_tui.vectors.saes.layouts.weights import Weights

WEIGHTS_1 = "params.npz"
WEIGHTS_2 = "params.safetensors"
SETTINGS_2 = "config.json"

_LAYER = re.compile(r"layer_(\d{1,4})(?:_width_.*)?")
_MODEL = re.compile(r"gemma-scope-(\d+b)-(pt|it)-")
_ELSEWHERE = re.compile(
    r".*gemma-scope-.*(-mlp|-att|transcoders).*|(attn_out|mlp_out|transcoder|clt|crosscoder)(_all)?"
)
"""Names of folders of SAEs that are not of the residual stream."""


def gemma_scope_1(folder: Path) -> SaeParts:
    """The parts of one of the first Gemma Scope's SAEs, `layer_20/width_16k/average_l0_71` and the like."""
    _check_place(folder)
    path = folder / WEIGHTS_1
    weights = Weights(path, npz_arrays(path))
    parts = folder.absolute().parts
    model = next((match for part in reversed(parts) if (match := _MODEL.search(part))), None)
    name = f"gemma-2-{model[1]}{'-it' if model[2] == 'it' else ''}" if model else None
    layer = EMBEDDING if "embedding" in parts[-4:] else _layer(folder)
    # these were trained on the embedding before Gemma multiplies it by the root of its width
    bias = weights.vector_or_none("b_dec")
    scale = 1 / sqrt(bias.size) if layer == EMBEDDING and bias is not None else 1.0
    return _parts(folder, weights, layer, name, scale)


def gemma_scope_2(folder: Path) -> SaeParts:
    """The parts of one of the second Gemma Scope's SAEs, `resid_post/layer_12_width_16k_l0_medium` and the like."""
    settings = folder / SETTINGS_2
    told = read_settings(settings) if settings.exists() else {}
    hook = text(told, "hf_hook_point_in")
    out = text(told, "hf_hook_point_out")
    if out is not None and out != hook:
        raise not_residual(f"a transcoder to {out}", folder)
    if hook is None:
        _check_place(folder)
    layer = layer_of(hook, folder) if hook else _layer(folder)
    path = folder / WEIGHTS_2
    return _parts(folder, Weights(path, open_tensors(path).tensors), layer, text(told, "model_name"), 1.0)


def _parts(folder: Path, weights: Weights, layer: int | None, model: str | None, scale: float) -> SaeParts:
    matrix = weights.matrix_or_none("W_enc")
    threshold = weights.vector_or_none("threshold")
    encoder = None
    if matrix is not None:
        encoder = EncoderParts(
            Matrix(matrix, features_in_rows=False),
            relu if threshold is None else threshold_in(threshold),
            weights.vector_or_none("b_enc"),
            scale=scale,
        )
    return SaeParts(
        folder,
        weights.path,
        Matrix(weights.matrix("W_dec"), features_in_rows=True),
        weights.vector_or_none("b_dec"),
        layer,
        model,
        encoder=encoder,
    )


def _layer(folder: Path) -> int | None:
    found = (_LAYER.fullmatch(part) for part in reversed(folder.absolute().parts))
    return next((int(match[1]) for match in found if match), None)


def _check_place(folder: Path) -> None:
    for part in folder.absolute().parts[-6:]:
        if _ELSEWHERE.fullmatch(part):
            raise not_residual(part, folder)
