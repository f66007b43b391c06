"""EleutherAI's sparsify: `cfg.json` and `sae.safetensors` in a folder that bears the name of the place, `layers.12`."""

from pathlib import Path

from steer_tui.vectors.formats.json_files import read_settings
from steer_tui.vectors.formats.tensor_files import open_tensors
from steer_tui.vectors.saes.layouts.hooks import layer_of, not_residual
from steer_tui.vectors.saes.layouts.parts import EncoderParts, Matrix, SaeParts, relu
from steer_tui.vectors.saes.layouts.settings import text, width_of
from steer_tui.vectors.saes.layouts.weights import Weights

WEIGHTS = "sae.safetensors"
SETTINGS = "cfg.json"
RUN = "config.json"


def sparsify(folder: Path) -> SaeParts:
    """The parts of an SAE that sparsify wrote; its activation is read as it stood before the k largest were kept."""
    told = read_settings(folder / SETTINGS)
    if told.get("transcode") or told.get("skip_connection"):
        raise not_residual("a transcoder", folder)
    path = folder / WEIGHTS
    weights = Weights(path, open_tensors(path).tensors)
    decoder_bias = weights.vector_or_none("b_dec", "decoder.bias")
    matrix = weights.matrix_or_none("encoder.weight", "W_enc")
    encoder = None
    if matrix is not None:
        rows = matrix.name.lower() == "encoder.weight"
        bias = weights.vector_or_none("encoder.bias", "b_enc")
        encoder = EncoderParts(Matrix(matrix, features_in_rows=rows), relu, bias, decoder_bias)
    run = folder.absolute().parent / RUN
    return SaeParts(
        folder,
        path,
        Matrix(weights.matrix("W_dec"), features_in_rows=True),
        decoder_bias,
        layer_of(folder.absolute().name, folder),
        text(read_settings(run), "model") if run.is_file() else None,
        width_of(told, path, "d_in"),
        encoder,
    )
