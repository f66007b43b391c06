"""A real engine behind the real door that plays a script: what tests of the core and of the screen drive.

engine = ScriptedEngine()                              # speaks at once: a text that names the dials
engine = ScriptedEngine(speaking(gate := Gate()))      # the same, but tokens come as gate.let(3) lets them
engine = ScriptedEngine(playing([token("a"), Truncated("lost")], [token("a"), done()]))   # per request
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import TypeAlias

from steer_tui.domain import (
    ActivationEvent,
    DoneEvent,
    Event,
    Evidence,
    Feature,
    FeatureActivation,
    FinishReason,
    GenerationRequest,
    Lane,
    Method,
    SteerError,
    TokenEvent,
)
from steer_tui.engines import EngineInfo, LanePolicy, Quota
from steer_tui.generation.delivery import Sleep


class Gate:
    """Holds a stream back until the test lets it pass; a script may name one wherever it should wait."""

    def __init__(self) -> None:
        self._passes = asyncio.Semaphore(0)
        self._open = asyncio.Event()

    def let(self, count: int = 1) -> None:
        """Let so many waits pass."""
        for _ in range(count):
            self._passes.release()

    def open(self) -> None:
        """Let every wait pass from now on."""
        self._open.set()
        self.let(1000)

    async def wait(self) -> None:
        """Return when the test lets this wait pass."""
        if not self._open.is_set():
            await self._passes.acquire()


Step: TypeAlias = Event | Exception | Gate | asyncio.Event | float
"""An event is sent, an error raised, a gate or an asyncio.Event waited for, a number of seconds slept."""

Steps: TypeAlias = Iterable[Step] | AsyncIterator[Step]

Script: TypeAlias = Callable[[GenerationRequest], Steps]
"""What happens to a request; a stream whose steps end without `done` just ends."""


def token(text: str, index: int = 0, lane: Lane = Lane.STEERED) -> TokenEvent:
    """A token of the steered lane, unless another is named."""
    return TokenEvent(text, index, lane)


def tokens(text: str, lane: Lane = Lane.STEERED, start: int = 0) -> list[Step]:
    """The words of a text as tokens, counted from `start`."""
    words = [word if place == 0 else f" {word}" for place, word in enumerate(text.split(), start)]
    return [TokenEvent(word, place, lane) for place, word in enumerate(words, start)]


def done(lane: Lane = Lane.STEERED, reason: FinishReason = FinishReason.COMPLETE) -> DoneEvent:
    """The end of the steered lane, unless another is named."""
    return DoneEvent(lane, reason)


def spoken(request: GenerationRequest, lane: Lane, text: str) -> str:
    """What the engine says on a lane: the dials that act on it, then the text."""
    dials = [f"{dial.feature.label}{dial.value:+g}" for dial in request.vector_of(lane).dials]
    return " ".join([*dials, text])


def speaking(gate: Gate | None = None, text: str = "the sea was calm and the night was long") -> Script:
    """Speak on every lane that is asked for, lanes in turn, with an activation a token for each watched feature."""

    def script(request: GenerationRequest) -> Iterable[Step]:
        words = {lane: spoken(request, lane, text).split()[: request.sampling.max_tokens] for lane in request.lanes}
        for index in range(max(map(len, words.values()))):
            for lane in request.lanes:
                if index < len(words[lane]):
                    if gate is not None:
                        yield gate
                    yield TokenEvent(f" {words[lane][index]}", index, lane, -0.5)
                    if request.watched:
                        yield ActivationEvent(index, lane, tuple(_read(request, lane, index)))
        for lane in request.lanes:
            limit = len(words[lane]) == request.sampling.max_tokens
            yield done(lane, FinishReason.MAX_TOKENS if limit else FinishReason.COMPLETE)

    return script


def _read(request: GenerationRequest, lane: Lane, index: int) -> Iterable[FeatureActivation]:
    """Activations that rise and fall along the text, and that a dial on the lane raises."""
    values = {dial.feature.id: dial.value for dial in request.vector_of(lane).dials}
    for place, feature in enumerate(request.watched):
        yield FeatureActivation(
            feature.id, feature.label, max(0.0, (index + place) % 4 + values.get(feature.id, 0.0) / 2)
        )


def playing(*scripts: Iterable[Step]) -> Script:
    """The first steps for the first request, the second for the second, and the last for every later one."""
    played = iter([list(steps) for steps in scripts[:-1]])
    last = list(scripts[-1])
    return lambda request: next(played, last)


FEATURES = tuple(
    Feature(f"scripted/1/{number}", label, 2.0, residual_norm=50.0, max_activation=8.0, density=0.01 * (number + 1))
    for number, label in enumerate(["winter", "sea", "dragon", "dialogue", "food", "night"])
)


class ScriptedEngine:
    """Plays a script for each request, and keeps account of its streams."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        features: Sequence[Feature] = FEATURES,
        lanes: LanePolicy = LanePolicy.PARALLEL,
        quota: Quota | None = None,
        methods: tuple[Method, ...] = (Method.ADDITIVE, Method.ORTHOGONAL),
        closing: float = 0.0,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.info = EngineInfo("scripted", "stories-0M", methods, lanes, quota)
        self.requests: list[GenerationRequest] = []
        """Every request whose stream was opened, in order."""
        self.log: list[str] = []
        """`open 1 steered`, `close 1 steered`, `open 2 steered+default`, ... as it happened."""
        self.most_open = 0
        """The largest number of streams that were open at once."""
        self.closed = False
        self._open: set[int] = set()
        self._script = script if script is not None else speaking()
        self._features, self._sleep, self._closing = tuple(features), sleep, closing

    @property
    def open_streams(self) -> int:
        """How many streams are open now."""
        return len(self._open)

    def asked(self, lane: Lane) -> int:
        """How many requests named the lane."""
        return sum(lane in request.lanes for request in self.requests)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Play the script for this request; closing takes `closing` seconds."""
        self.requests.append(request)
        number, lanes = len(self.requests), "+".join(request.lanes)
        self._open.add(number)
        self.most_open = max(self.most_open, self.open_streams)
        self.log.append(f"open {number} {lanes}")
        try:
            async with aclosing(_walk(self._script(request))) as steps:
                async for step in steps:
                    match step:
                        case Exception():
                            raise step
                        case Gate() | asyncio.Event():
                            await step.wait()
                        case int() | float():
                            await self._sleep(step)
                        case _:
                            yield step
        finally:
            if self._closing:
                await self._sleep(self._closing)
            self._open.discard(number)
            self.log.append(f"close {number} {lanes}")

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """The features whose label contains the query."""
        return [feature for feature in self._features if query.lower() in feature.label][:limit]

    async def aclose(self) -> None:
        """Note that the engine was closed."""
        self.closed = True


class ExplainingEngine(ScriptedEngine):
    """Tells the evidence that it is given for each label, or raises it, when the gate lets it pass."""

    def __init__(
        self,
        told: Mapping[str, Evidence | SteerError],
        gate: Gate | None = None,
        *,
        features: Sequence[Feature] = FEATURES,
    ) -> None:
        super().__init__(features=features)
        self.asked_for: list[str] = []
        """The labels of all features whose evidence was asked for, in order."""
        self._told, self._gate = told, gate

    async def evidence(self, feature: Feature) -> Evidence:
        """What is told of the feature's label."""
        self.asked_for.append(feature.label)
        if self._gate is not None:
            await self._gate.wait()
        told = self._told.get(feature.label, Evidence())
        if isinstance(told, SteerError):
            raise told
        return told


async def _walk(steps: Steps) -> AsyncGenerator[Step, None]:
    if isinstance(steps, AsyncIterator):
        async for step in steps:
            yield step
    else:
        for step in steps:
            yield step


__all__ = [
    "FEATURES",
    "ExplainingEngine",
    "Gate",
    "Script",
    "ScriptedEngine",
    "SteerError",
    "Step",
    "Steps",
    "done",
    "playing",
    "speaking",
    "spoken",
    "token",
    "tokens",
]
