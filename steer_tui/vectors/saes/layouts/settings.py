"""What a maker's settings say, each value checked before it is believed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steer_tui.domain import finite_or_none
from steer_tui.vectors.faults import broken


def text(told: Mapping[str, Any], *names: str) -> str | None:
    """The first of these that is a text."""
    return next((value for name in names if isinstance(value := told.get(name), str) and value.strip()), None)


def number(told: Mapping[str, Any], name: str) -> float | None:
    """A number, or None where there is none or a strange one."""
    return finite_or_none(told.get(name))


def width_of(told: Mapping[str, Any], path: Path, name: str) -> int | None:
    """How wide the residual stream is, where the settings say."""
    value = told.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise broken(path, f"the settings beside it say that {name} is no whole number from 1")
    return value
