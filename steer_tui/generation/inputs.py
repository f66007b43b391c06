"""What the person has set: everything that a generation is made from."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from steer_tui.domain import Dial, Feature, GenerationRequest, Lane, Method, Sampling, SteeringVector

LaneInputs: TypeAlias = tuple[str, Sampling, SteeringVector, bool]
"""What decides the text of one lane: prompt, sampling, the vector that acts on it, and chat."""


def turned(made_from: LaneInputs, vector: SteeringVector) -> LaneInputs:
    """The same under another vector."""
    prompt, sampling, _, chat = made_from
    return prompt, sampling, vector, chat


@dataclass(frozen=True, slots=True)
class Inputs:
    """Prompt, sampling, dials and method, as they stand on the screen."""

    prompt: str = ""
    sampling: Sampling = Sampling()
    dials: tuple[Dial, ...] = ()
    method: Method = Method.ADDITIVE
    chat: bool = False

    @property
    def vector(self) -> SteeringVector:
        """The dials that are on."""
        return SteeringVector.of(self.dials, self.method)

    @property
    def is_empty(self) -> bool:
        """Whether there is no prompt to send."""
        return not self.prompt.strip()

    def of_lane(self, lane: Lane) -> LaneInputs:
        """What decides this lane's text: two equal values mean the same text."""
        return self.prompt, self.sampling, self.vector if lane is Lane.STEERED else SteeringVector(), self.chat

    def with_dials_of(self, other: "Inputs") -> "Inputs":
        """The same with the dials and the method of another."""
        return replace(self, dials=other.dials, method=other.method)

    @property
    def watched(self) -> tuple[Feature, ...]:
        """The features whose activations are wanted: those of every dial, also of those that are off."""
        return tuple(dial.feature for dial in self.dials)

    def request(self, lanes: tuple[Lane, ...]) -> GenerationRequest:
        """What is asked of an engine."""
        return GenerationRequest(self.prompt, self.sampling, self.vector, lanes, self.watched, self.chat)
