"""Where the server reads and writes the residual stream for a layer."""

from steer_tui.vectors import EMBEDDING


def reading_point(layer: int) -> str:
    """The name of the point that holds the output of a block, or what the first block reads."""
    return "resid_pre.0" if layer == EMBEDDING else f"resid_post.{layer}"


def writing_place(layer: int) -> tuple[str, str]:
    """The point that is written for a layer, and the layer's number there.

    The server's own `embeddings` are those of the tokens alone, which some models (GPT-2) add their positions to.
    """
    return ("resid_pre", "0") if layer == EMBEDDING else ("resid_post", str(layer))
