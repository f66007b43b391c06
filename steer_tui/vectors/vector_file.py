"""What a file of steering vectors holds, one direction a layer."""

from dataclasses import dataclass
from pathlib import Path

from steer_tui.vectors.direction import Direction


@dataclass(frozen=True, slots=True, eq=False)
class VectorFile:
    """Directions that a file holds, or is to hold."""

    path: Path
    directions: tuple[Direction, ...]
    """At least one; all of one width, at most one a layer, ordered by layer; a lone one may name no layer."""
    model: str | None = None
    """The model that they were made for, in the file's own words, where it says."""
