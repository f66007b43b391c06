"""Which side of an SAE's tables is the model's and which is the features', told by the sizes and not by the names."""

from steer_tui.domain import Rejected, Unsupported
from steer_tui.vectors.faults import broken, named, quoted
from steer_tui.vectors.saes.layouts.parts import Matrix, SaeParts


def told_width(parts: SaeParts) -> int | None:
    """How wide the residual stream is as far as the files say: in their settings, or by the decoder's bias."""
    by_bias = parts.decoder_bias.size if parts.decoder_bias is not None else None
    if parts.width is not None and by_bias is not None and parts.width != by_bias:
        raise broken(parts.path, f"its decoder's bias has {by_bias:,} numbers, and the settings say {parts.width:,}")
    return parts.width if parts.width is not None else by_bias


def residual_width(parts: SaeParts, width: int | None) -> int:
    """How wide the residual stream is: as the model says, else as the files say; raises where they contradict."""
    told = told_width(parts)
    if width is None:
        if told is None:
            raise Unsupported(
                f"Nothing in {named(parts.folder)} says how wide the model's residual stream is, so its rows cannot be "
                "told from its columns.",
                hint="Ask again once the model is known.",
            )
        return told
    sides = parts.decoder.array.shape
    if (told is not None and told != width) or width not in sides:
        shown = f"{told:,}" if told is not None else " or ".join(f"{side:,}" for side in sides)
        raise Rejected(
            f"The SAE in {named(parts.folder)} is for a residual stream {shown} wide, and this model's is {width:,}.",
            hint="Choose an SAE that was trained on this model.",
        )
    return width


def feature_axis(parts: SaeParts, matrix: Matrix, width: int) -> int:
    """The side of a table that counts features: 0 for its rows, 1 for its columns.

    Of a square table the sizes say nothing, so there its name is believed.
    """
    rows, columns = matrix.array.shape
    if rows == columns == width:
        return 0 if matrix.features_in_rows else 1
    if width not in (rows, columns):
        raise broken(
            parts.path,
            f"its {quoted(matrix.array.name)} is {rows:,} × {columns:,}, and no side is {width:,} as the residual "
            "stream should be",
        )
    return 0 if columns == width else 1


def feature_count(parts: SaeParts) -> int:
    """How many features there are, as far as that can be told before the model is known."""
    width = told_width(parts)
    array = parts.decoder.array
    if width is not None:
        return array.shape[feature_axis(parts, parts.decoder, width)]
    bias = parts.encoder.bias if parts.encoder is not None else None
    if bias is not None and bias.size in array.shape:
        return bias.size
    return array.shape[0 if parts.decoder.features_in_rows else 1]
