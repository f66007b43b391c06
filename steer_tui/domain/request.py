"""What is asked of an engine: prompt, sampling, steering vector and lanes."""

import math
from dataclasses import dataclass
from enum import StrEnum

from steer_tui.domain.steering import Feature, InvalidValue, SteeringVector

SEED_MAX = 2**31 - 1


class Lane(StrEnum):
    """One of the two texts that stand side by side."""

    STEERED = "steered"
    DEFAULT = "default"
    """The model left alone: no dials."""


BOTH_LANES = (Lane.STEERED, Lane.DEFAULT)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn, and when to stop."""

    temperature: float = 0.7
    """0 takes the most likely token."""
    max_tokens: int = 128
    seed: int = 10
    stop: tuple[str, ...] = ()
    """Texts that end the generation; none of them is part of the output."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise InvalidValue(f"The temperature must be 0 or more; it is {self.temperature}.")
        if self.max_tokens < 1:
            raise InvalidValue(f"The number of tokens must be 1 or more; it is {self.max_tokens}.")
        if not 0 <= self.seed <= SEED_MAX:
            raise InvalidValue(f"The seed must lie between 0 and {SEED_MAX}; it is {self.seed}.")
        if not all(self.stop):
            raise InvalidValue("A stop text must not be empty.")


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One prompt, sampling and vector, and the lanes that are wanted of it."""

    prompt: str
    sampling: Sampling = Sampling()
    vector: SteeringVector = SteeringVector()
    lanes: tuple[Lane, ...] = BOTH_LANES
    watched: tuple[Feature, ...] = ()
    """The features whose activations are wanted with each token, dials that are off included."""
    chat: bool = False
    """Whether the model's chat template is applied; raw completion is the default on every engine."""

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise InvalidValue("The prompt is empty: type something first.")
        if not self.lanes or len(set(self.lanes)) != len(self.lanes):
            raise InvalidValue("A request names one lane or both, each once.")

    def vector_of(self, lane: Lane) -> SteeringVector:
        """The vector that acts on a lane: none on the default one."""
        return self.vector if lane is Lane.STEERED else SteeringVector()
