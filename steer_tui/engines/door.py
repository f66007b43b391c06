"""The one door behind which every engine stands.

An engine turns a request into events and translates its own failures into `SteerError`s. It has no opinion on time:
deadlines, debounce and retry belong to the generation controller.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from steer_tui.domain import Event, Evidence, Feature, GenerationRequest, Method, SteeringVector


class LanePolicy(StrEnum):
    """How an engine serves the two lanes."""

    TOGETHER = "together"
    """One request carries both."""
    PARALLEL = "parallel"
    """Each lane has a request of its own, and both run at once."""
    ONE_AT_A_TIME = "one at a time"
    """Each lane has a request of its own, and the second waits for the first."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How many calls may still be made."""

    remaining: int
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine is and can do."""

    name: str
    model: str
    methods: tuple[Method, ...] = (Method.ADDITIVE,)
    lanes: LanePolicy = LanePolicy.PARALLEL
    quota: Quota | None = None
    """None where calls cost nothing: then generation may start by itself."""
    context: int | None = None
    """Tokens that the model can hold, or None where the engine cannot tell."""


class Engine(Protocol):
    """What turns a request into a stream of events."""

    @property
    def info(self) -> EngineInfo:
        """What the engine is, as of now."""
        ...

    def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Generate the lanes that the request names, interleaved or one after the other, `done` once a lane.

        Closing the generator stops the work. Raises `SteerError`s, and nothing else.
        """
        ...

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """Features that fit the query, best first; an empty query lists what the engine offers by default."""
        ...

    async def aclose(self) -> None:
        """Stop all work and let go of every thread, process and connection; closing twice is closing once."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """An engine that can make itself ready before it is first asked."""

    async def prepare(self) -> None:
        """Load what the first request would have to wait for."""
        ...


@dataclass(frozen=True, slots=True)
class PromptWindow:
    """How much of a prompt the model reads: the last `seen` of its `total` tokens."""

    seen: int
    total: int


@runtime_checkable
class Windows(Protocol):
    """An engine that can tell beforehand how much of a prompt its context leaves room for."""

    async def prompt_window(self, request: GenerationRequest) -> PromptWindow:
        """The part of the prompt that the model will read."""
        ...


@runtime_checkable
class LiveDials(Protocol):
    """An engine that can turn the steered lane of a running stream without a restart."""

    async def turn(self, request: GenerationRequest, vector: SteeringVector, watched: Sequence[Feature]) -> int | None:
        """Let this vector act from the next token on: the one after the last that the stream's reader has taken.

        The stream is that of this very request; every other one, be its request equal, stays as it is. Gives the
        token's index, or None where the stream has no steered lane (any more). The tokens before it stand, and what
        the engine has made ahead of the reader is made anew; from there on the lane tells the activations of the
        watched features. A vector that the engine cannot apply raises, and leaves the stream as it was.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What a re-read of a text gives, one row a token."""

    tokens: tuple[str, ...]
    """Side by side they are the text; a character that is split over tokens stands with its last one."""
    activations: tuple[tuple[float, ...], ...]
    """[tokens][features]"""
    logprobs: tuple[float | None, ...]
    """Natural logarithm of each token's probability given those before it (temperature 1, no steering).

    None where the engine cannot tell, such as for the first token of a model without a token that begins a text.
    """


@runtime_checkable
class Rereads(Protocol):
    """An engine that can read a given text without steering."""

    async def reread(self, text: str, features: Sequence[Feature]) -> Reading:
        """The activations of the features and the log-probability of every token of the text."""
        ...


@runtime_checkable
class Explains(Protocol):
    """An engine that can tell why a feature bears its label and what its dial does."""

    async def evidence(self, feature: Feature) -> Evidence:
        """What is known of the feature; an empty `Evidence` where nothing is."""
        ...


@runtime_checkable
class Controls(Protocol):
    """An engine that can push in a direction that means nothing, to compare a feature with."""

    def random_direction(self, like: Feature, seed: int) -> Feature:
        """A random unit direction where `like` acts, of the same unit; the same seed gives the same direction."""
        ...


@runtime_checkable
class Resumes(Protocol):
    """An engine that can go on with a stream whose connection was lost."""

    def resume(self, lost: GenerationRequest, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Go on behind the last event of the stream of this very `lost` request, or generate `request` anew.

        Its lanes are those that have not ended. A stream that goes on begins with a rewind for each of them, which
        says how many tokens still hold; one that begins with anything else is a new one.
        """
        ...

    def give_up(self, request: GenerationRequest) -> None:
        """Nobody goes on with the stream of this very request, where it was lost; returns at once."""
        ...
