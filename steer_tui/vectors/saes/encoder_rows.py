"""One feature's encoder, brought to one dot product with the residual stream as it is, a bias and a threshold."""

from math import exp, isfinite

import numpy as np

from steer_tui.vectors.direction import Encoder
from steer_tui.vectors.faults import broken, quoted
from steer_tui.vectors.formats.stored_array import StoredArray
from steer_tui.vectors.saes.layouts.parts import LOGARITHM_MAX, EncoderParts, Gate, SaeParts
from steer_tui.vectors.saes.orientation import feature_axis


def encoder_row(parts: SaeParts, encoder: EncoderParts, index: int, width: int, count: int) -> Encoder:
    """How the activation of a feature is read.

    The SAE computes W·(s·h − b_dec) + b_enc, which is (s·W)·h + (b_enc − W·b_dec).
    """
    matrix = encoder.weights.array
    axis = feature_axis(parts, encoder.weights, width)
    if matrix.shape[axis] != count:
        raise broken(
            parts.path, f"its {quoted(matrix.name)} has {matrix.shape[axis]:,} features, its decoder {count:,}"
        )
    # numbers that are infinite or none at all are found at the end
    with np.errstate(over="ignore", invalid="ignore"):
        row = matrix.line(axis, index).astype(np.float64)
        shift = 0.0
        if encoder.subtracted is not None:
            _check_size(parts, encoder.subtracted, width)
            shift = float(row @ encoder.subtracted.whole().astype(np.float64))
        if encoder.gate is None:
            stretch, bias = 1.0, _number(parts, encoder.bias, index, count)
            threshold = encoder.threshold(index)
        else:
            stretch, bias, threshold = _gated(parts, encoder.gate, index, count)
        if encoder.times_decoder_norm:
            direction = parts.decoder.array.line(feature_axis(parts, parts.decoder, width), index)
            norm = float(np.linalg.norm(direction.astype(np.float64)))
            stretch, bias = stretch * norm, bias * norm
        values = (row * stretch * encoder.scale).astype(np.float32)
        bias -= stretch * shift
    if not (np.isfinite(values).all() and isfinite(bias) and isfinite(threshold)):
        raise broken(parts.path, f"the encoder of feature {index} has numbers that are infinite or no numbers at all")
    return Encoder(values, bias, max(threshold, 0.0))


def _gated(parts: SaeParts, gate: Gate, index: int, count: int) -> tuple[float, float, float]:
    """What a gated SAE multiplies W·x by, adds to it, and lets pass.

    It is active where W·x > −b_gate, and then e^r·W·x + b_mag; a threshold on the latter says the former too.
    """
    stretch = exp(min(_number(parts, gate.log_stretch, index, count), LOGARITHM_MAX))
    magnitude = _number(parts, gate.magnitude_bias, index, count)
    return stretch, magnitude, magnitude - stretch * _number(parts, gate.bias, index, count)


def _number(parts: SaeParts, array: StoredArray | None, index: int, count: int) -> float:
    if array is None:
        return 0.0
    _check_size(parts, array, count)
    return array.number(index)


def _check_size(parts: SaeParts, array: StoredArray, expected: int) -> None:
    if array.size != expected:
        raise broken(parts.path, f"its {quoted(array.name)} has {array.size:,} numbers where {expected:,} are needed")
