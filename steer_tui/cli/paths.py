"""Paths as a person writes them."""

from pathlib import Path


def expanded(written: str) -> Path:
    """The path with a home in place of its ~."""
    try:
        return Path(written).expanduser()
    except RuntimeError:  # ~name, of whom nobody knows the home
        return Path(written)
