"""PyTorch's and Python's pickles, which are never opened: reading one runs whatever code it holds."""

from pathlib import Path

from steer_tui.domain import SteerError, Unsupported
from steer_tui.vectors.faults import named

PICKLES = frozenset({".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib"})
"""Suffixes of files that are pickles, or that hold them."""


def refused_pickle(path: Path, what: str = "it is a pickle") -> SteerError:
    """Why the file stays closed, and how its maker turns it into one that can be read."""
    return Unsupported(
        f"{named(path)} is not opened: {what}, and reading a pickle runs whatever code it holds.",
        hint='If you trust it, convert it: python -c "import torch, safetensors.torch as s; '
        "v = torch.load('IN.pt', weights_only=True); "
        "s.save_file(v if isinstance(v, dict) else {'vector': v}, 'OUT.safetensors')\"",
    )
