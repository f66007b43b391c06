"""A sweep: one feature at many values, beside a random direction of the same norm, every text read back unsteered.

The texts come from the engine one at a time, each by `deliver`, so that a lost connection and a rate limit are met as
everywhere else.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from typing import Protocol, TypeAlias

from steer_tui.domain import (
    SEED_MAX,
    Dial,
    DoneEvent,
    Event,
    Feature,
    GenerationRequest,
    InvalidValue,
    Lane,
    Method,
    Rejected,
    RewindEvent,
    Sampling,
    SteerError,
    SteeringVector,
    Telltale,
    TokenEvent,
    Unsupported,
)
from steer_tui.engines import Controls, Engine, EngineInfo, Explains, Reading, Rereads
from steer_tui.engines.services import Loading, Loads
from steer_tui.generation.delivery import Clock, Deadlines, Pause, RateGate, Sleep, deliver
from steer_tui.generation.measures import Means, Measures, measure
from steer_tui.generation.patience import patience

SWEPT_TOKENS = 48
"""Tokens of a text in a sweep: enough to show a concept, and a hundred of them in a few seconds on a small model."""

NEUTRAL_OPENINGS = (
    "Once upon a time there was a",
    "I think that",
    "Yesterday I",
    "One morning,",
    "My friend and I",
    "It was a",
)
"""Prompts that lead to no concept by themselves."""


class Direction(StrEnum):
    """What a text was pushed along."""

    FEATURE = "feature"
    RANDOM = "random"
    """A direction that means nothing, of the same norm: what any push of this size does."""


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What is swept, and over which texts."""

    feature: Feature
    values: tuple[float, ...]
    prompts: tuple[str, ...] = NEUTRAL_OPENINGS
    samples: int = 1
    """Texts for each value, direction and prompt; the first is drawn with the sampling's seed, the second the next."""
    sampling: Sampling = Sampling(max_tokens=SWEPT_TOKENS)
    method: Method = Method.ADDITIVE
    chat: bool = False
    """Whether the prompts are messages to a chat model."""

    def __post_init__(self) -> None:
        if not self.values or not self.prompts or self.samples < 1:
            raise InvalidValue("A sweep needs a value, a prompt and a sample, at least one of each.")

    def sampling_of(self, number: int) -> Sampling:
        """How sample `number` is drawn, on every lane and for every value."""
        return replace(self.sampling, seed=(self.sampling.seed + number) % (SEED_MAX + 1))


@dataclass(frozen=True, slots=True)
class Case:
    """One text that a plan asks for."""

    value: float
    direction: Direction
    prompt: str
    number: int = 0
    """Of the sample, from 0."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A finished text, and what was measured of it."""

    case: Case
    text: str
    measures: Measures


@dataclass(frozen=True, slots=True)
class Row:
    """One value: the means over its texts, beside those of the random direction; None while there is no text yet."""

    value: float
    feature: Means | None
    random: Means | None


Order: TypeAlias = Callable[[SweepPlan, Sequence[Direction]], Iterable[Case]]


def by_value(plan: SweepPlan, directions: Sequence[Direction]) -> Iterator[Case]:
    """Value by value, so that a row is complete before the next one begins: for a table."""
    for value, direction, prompt, number in product(plan.values, directions, plan.prompts, range(plan.samples)):
        yield Case(value, direction, prompt, number)


def by_sample(plan: SweepPlan, directions: Sequence[Direction]) -> Iterator[Case]:
    """A text for every value, then another for each: for curves that are whole at once and settle."""
    for number, prompt, value, direction in product(range(plan.samples), plan.prompts, plan.values, directions):
        yield Case(value, direction, prompt, number)


class _Rereading(Engine, Rereads, Protocol):
    """An engine that can be swept."""


def directions_of(engine: Engine) -> tuple[Direction, ...]:
    """What an engine can be swept along: the random direction only where it has one."""
    return tuple(Direction) if isinstance(engine, Controls) else (Direction.FEATURE,)


def samples_of(engine: Engine, plan: SweepPlan) -> int:
    """How many samples a sweep of the plan yields."""
    return sum(1 for _ in by_value(plan, directions_of(engine)))


def charge_of(engine: Engine, plan: SweepPlan) -> int | None:
    """How many requests a sweep of the plan takes from the engine's quota, or None where nobody counts them."""
    if engine.info.quota is None:
        return None
    pushed = sum(value != 0 for value in plan.values) * len(directions_of(engine))
    return (pushed + 1) * len(plan.prompts) * plan.samples


def require_quota(engine: Engine, plan: SweepPlan) -> None:
    """Raises Rejected for a sweep that takes more than is left."""
    charge, quota = charge_of(engine, plan), engine.info.quota
    if quota is not None and charge is not None and charge > quota.remaining:
        raise Rejected(
            f"This sweep takes {charge} requests, and {quota.remaining} are left.",
            hint="Sweep fewer values, prompts or samples.",
        )


def require_sweeps(engine: Engine) -> _Rereading:
    """The engine, if it can be swept; else raises Unsupported."""
    if not isinstance(engine, Rereads):
        raise Unsupported(
            f"The engine {engine.info.name} cannot read a text back, so a sweep could not measure anything.",
            hint="Sweep with another engine, such as builtin.",
        )
    return engine


async def sweep(
    engine: Engine,
    plan: SweepPlan,
    *,
    order: Order = by_value,
    on_pause: Callable[[Pause], None] = lambda _: None,
    deadlines: Deadlines = Deadlines(),
    clock: Clock = time.monotonic,
    sleep: Sleep = asyncio.sleep,
) -> AsyncGenerator[Sample, None]:
    """The plan's samples as they are finished, all from the same seeds: the same plan gives the same samples.

    The default lane's text of a prompt and a sample number is generated once. It stands for value 0 in both
    directions, and divergence is counted from it. `on_pause` hears of every wait before a further attempt, rate limits
    included, which are waited out. Closing the generator, or cancelling its reader, closes the engine's stream.
    Raises Unsupported for an engine that cannot read a text back, Rejected where its quota is too small, and what the
    engine raises.
    """
    rereading = require_sweeps(engine)
    require_quota(engine, plan)
    telltale = await _telltale_of(engine, plan.feature)
    pushes = {Direction.FEATURE: plan.feature}
    if isinstance(engine, Controls):
        pushes[Direction.RANDOM] = engine.random_direction(plan.feature, plan.sampling.seed)
    gate = RateGate(clock)
    defaults: dict[tuple[str, int], _ReadText] = {}

    async def pause(wait: Pause) -> None:
        on_pause(wait)
        await sleep(wait.seconds)

    async def read(request: GenerationRequest) -> _ReadText:
        text = _ReadText(rereading, plan.feature)
        await deliver(text, request, lambda _: None, pause, gate=gate, deadlines=deadlines, clock=clock, sleep=sleep)
        return text

    async def default_of(case: Case) -> _ReadText:
        key = case.prompt, case.number
        if key not in defaults:
            sampling = plan.sampling_of(case.number)
            # A service may want a feature to generate at all, and takes one that it only watches as one that is off.
            watched = (plan.feature,)
            request = GenerationRequest(case.prompt, sampling, lanes=(Lane.DEFAULT,), watched=watched, chat=plan.chat)
            defaults[key] = await read(request)
        return defaults[key]

    for case in order(plan, tuple(pushes)):
        default = await default_of(case)
        dial = Dial(pushes[case.direction], case.value)
        if dial.is_on:
            vector = SteeringVector((dial,), plan.method)
            sampling = plan.sampling_of(case.number)
            lanes = (Lane.STEERED,)
            text = await read(GenerationRequest(case.prompt, sampling, vector, lanes=lanes, chat=plan.chat))
        else:
            text = default
        yield Sample(case, text.text, measure(text.text, default.text, text.reading, telltale, plan.feature.kind))


def row_of(value: float, samples: Iterable[Sample]) -> Row:
    """What the samples come to at one value; those of other values are left out."""
    measures: dict[Direction, list[Measures]] = {direction: [] for direction in Direction}
    for sample in samples:
        if sample.case.value == value:
            measures[sample.case.direction].append(sample.measures)
    return Row(value, Means.of(measures[Direction.FEATURE]), Means.of(measures[Direction.RANDOM]))


async def _telltale_of(engine: Engine, feature: Feature) -> Telltale | None:
    """What shows the feature in a text, or None where the engine has no such thing, or does not tell now."""
    if not isinstance(engine, Explains):
        return None
    try:
        async with patience(engine=engine):
            return (await engine.evidence(feature)).telltale
    except SteerError:
        return None


class _ReadText:
    """An engine seen as one whose text is done only when it has been read back: so one delivery retries both."""

    def __init__(self, engine: _Rereading, feature: Feature) -> None:
        self._engine, self._feature = engine, feature
        self._done: DoneEvent | None = None
        self.text = ""
        self.reading = Reading((), (), ())

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    @property
    def loading(self) -> Loading | None:
        return self._engine.loading if isinstance(self._engine, Loads) else None

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        if self._done is None:  # a text that stands is not generated again because its reading was lost
            (lane,) = request.lanes
            tokens: list[str] = []
            async with aclosing(self._engine.stream(request)) as events:
                async for event in events:
                    if event.lane not in (lane, None):
                        continue
                    match event:
                        case TokenEvent(token=token):
                            tokens.append(token)
                        case RewindEvent(keep=keep):
                            del tokens[keep:]
                        case DoneEvent():
                            self._done = event
                            break
                        case _:
                            pass
                    yield event
            self.text = "".join(tokens)
        if self._done is not None:
            self.reading = await self._engine.reread(request.prompt + self.text, (self._feature,))
            yield self._done

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        return await self._engine.find_features(query, limit)

    async def aclose(self) -> None:
        await self._engine.aclose()
