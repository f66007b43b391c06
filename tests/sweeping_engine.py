"""A scripted engine that can be swept: it reads texts back, has random directions, and may have a telltale."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from scripted_engine import Script, ScriptedEngine, speaking

from steer_tui.domain import Evidence, Feature, FeatureKind, SteerError, Telltale
from steer_tui.engines import Reading


class RereadingEngine(ScriptedEngine):
    """A word is a token; it fires where it begins with the feature's label, and longer words are less likely."""

    def __init__(self, script: Script | None = None, **options: Any) -> None:
        super().__init__(script or speaking(), **options)
        self.rereads: list[str] = []
        """Every text that was read back, in order."""
        self.failures: list[SteerError] = []
        """What the next rereads raise, first one first."""

    async def reread(self, text: str, features: Sequence[Feature]) -> Reading:
        self.rereads.append(text)
        if self.failures:
            raise self.failures.pop(0)
        words = text.split(" ")
        tokens = [word if place == 0 else f" {word}" for place, word in enumerate(words)]
        fires = [tuple(3.0 * word.startswith(feature.label) for feature in features) for word in words]
        logprobs = [None, *(-len(token) / 4 for token in tokens[1:])]
        return Reading(tuple(tokens), tuple(fires), tuple(logprobs))


class SweepingEngine(RereadingEngine):
    """The same, with what a sweep can do without: a random direction, and evidence where a telltale is given."""

    def __init__(self, script: Script | None = None, *, telltale: Telltale | None = None, **options: Any) -> None:
        super().__init__(script, **options)
        self._telltale = telltale

    def random_direction(self, like: Feature, seed: int) -> Feature:
        return replace(like, id=f"scripted/random/{seed}", label=f"noise{seed}", kind=FeatureKind.RANDOM)

    async def evidence(self, feature: Feature) -> Evidence:
        return Evidence(telltale=self._telltale)
