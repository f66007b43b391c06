"""A random direction by its name, which says where it acts."""

import re
from dataclasses import dataclass
from typing import Self

from steer_tui.engines.names import FeatureName, read_name

_RANDOM = re.compile(r"random-(\d{1,10})/(.+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class RandomName:
    """A random direction where a feature acts, drawn from a seed."""

    seed: int
    like: FeatureName

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What `random-seed/model/source/index` names, or None."""
        named = _RANDOM.fullmatch(text.strip())
        like = read_name(named[2]) if named else None
        return cls(int(named[1]), like) if named and like else None
