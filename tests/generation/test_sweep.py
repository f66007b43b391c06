"""A sweep, held against an engine that follows a script."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from engines.builtin.tiny import write_weights
from fake_time import FakeTime, settle
from scripted_engine import FEATURES, Gate, ScriptedEngine, done, playing, speaking, token, tokens
from sweeping_engine import RereadingEngine, SweepingEngine

from steer_tui.domain import (
    SEED_MAX,
    Evidence,
    Feature,
    FeatureKind,
    InvalidValue,
    Lane,
    Overloaded,
    RateLimited,
    Rejected,
    RewindEvent,
    Sampling,
    SteerError,
    Telltale,
    Truncated,
    Unreachable,
    Unsupported,
)
from steer_tui.engines import Engine, Quota
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.generation import Pause
from steer_tui.generation.measures import ShownBy
from steer_tui.generation.sweep import (
    Case,
    Direction,
    Order,
    Sample,
    SweepPlan,
    by_sample,
    by_value,
    charge_of,
    row_of,
    samples_of,
    sweep,
)

WINTER = FEATURES[0]
VALUES = (-4.0, 0.0, 4.0)


def plan(values: Sequence[float] = VALUES, prompts: Sequence[str] = ("One", "Two"), samples: int = 2) -> SweepPlan:
    return SweepPlan(WINTER, tuple(values), tuple(prompts), samples, Sampling(seed=7, max_tokens=12))


async def swept(engine: Engine, wanted: SweepPlan, order: Order = by_value) -> list[Sample]:
    return [sample async for sample in sweep(engine, wanted, order=order)]


class WithoutEvidence(SweepingEngine):
    """Is asked for evidence while its service is away."""

    async def evidence(self, feature: Feature) -> Evidence:
        raise Unreachable("Gone.")


class Sweeping:
    """A sweep on its way, on a clock that the test moves."""

    def __init__(self, engine: Engine, wanted: SweepPlan, **options: Any) -> None:
        self.time = FakeTime()
        self.samples: list[Sample] = []
        self.waits: list[tuple[int | None, float]] = []
        """Attempt and seconds of each wait."""
        clocks = {"clock": self.time.clock, "sleep": self.time.sleep}
        self._sweep = sweep(engine, wanted, on_pause=self._note_wait, **clocks, **options)
        self.task = asyncio.create_task(self._collect())

    def _note_wait(self, pause: Pause) -> None:
        self.waits.append((pause.attempt, pause.seconds))

    async def _collect(self) -> None:
        async for sample in self._sweep:
            self.samples.append(sample)

    async def end(self, seconds: float = 1000.0) -> BaseException | None:
        await self.time.advance(seconds)
        assert self.task.done()
        return self.task.exception()


@pytest.mark.parametrize("order", [by_value, by_sample])
async def test_a_sweep_yields_each_value_direction_prompt_and_sample_once(order: Order) -> None:
    engine, wanted = SweepingEngine(), plan()
    samples = await swept(engine, wanted, order)
    expected = [
        Case(value, direction, prompt, number)
        for value in VALUES
        for direction in Direction
        for prompt in ("One", "Two")
        for number in range(2)
    ]
    assert Counter(sample.case for sample in samples) == Counter(expected)
    assert len(samples) == samples_of(engine, wanted)


async def test_by_value_ends_one_row_before_the_next_and_by_sample_begins_them_all() -> None:
    rows = [sample.case.value for sample in await swept(SweepingEngine(), plan(), by_value)]
    assert rows == sorted(rows)
    first = (await swept(SweepingEngine(), plan(), by_sample))[: len(VALUES) * 2]
    assert {(sample.case.value, sample.case.direction) for sample in first} == {
        (v, d) for v in VALUES for d in Direction
    }
    assert {(sample.case.prompt, sample.case.number) for sample in first} == {("One", 0)}


async def test_the_default_lane_is_generated_once_for_each_prompt_and_sample_and_0_is_never_sent() -> None:
    engine = SweepingEngine()
    await swept(engine, plan())
    assert engine.asked(Lane.DEFAULT) == 4
    assert engine.asked(Lane.STEERED) == 16
    sent = [dial.value for request in engine.requests for dial in request.vector.dials]
    assert Counter(sent) == {-4.0: 8, 4.0: 8}


async def test_value_0_is_the_default_lanes_text_in_both_directions() -> None:
    samples = [sample for sample in await swept(SweepingEngine(), plan()) if sample.case.value == 0]
    assert {sample.text for sample in samples} == {" the sea was calm and the night was long"}
    assert {sample.measures.divergence for sample in samples} == {0.0}
    row = row_of(0.0, samples)
    assert row.feature == row.random


async def test_both_lanes_of_a_sample_have_its_seed_and_the_last_seed_is_followed_by_0() -> None:
    engine = SweepingEngine()
    await swept(engine, plan(prompts=["One"], samples=3))
    for lane in Lane:
        assert {request.sampling.seed for request in engine.requests if lane in request.lanes} == {7, 8, 9}
    engine = SweepingEngine()
    await swept(engine, SweepPlan(WINTER, (4.0,), ("One",), 2, Sampling(seed=SEED_MAX)))
    assert {request.sampling.seed for request in engine.requests} == {SEED_MAX, 0}


async def test_the_random_direction_is_the_same_for_all_texts_and_its_dose_is_the_features() -> None:
    engine = SweepingEngine()
    await swept(engine, plan())
    dials = [dial for request in engine.requests for dial in request.vector.dials]
    random = [dial for dial in dials if dial.feature.kind is FeatureKind.RANDOM]
    assert {dial.feature.id for dial in random} == {"scripted/random/7"}
    doses = Counter(dial.coefficient for dial in random)
    assert doses == Counter(dial.coefficient for dial in dials if dial.feature == WINTER)


async def test_the_same_plan_gives_the_same_samples() -> None:
    assert await swept(SweepingEngine(), plan()) == await swept(SweepingEngine(), plan())


async def test_concept_and_fluency_are_read_off_prompt_and_text_together_for_the_swept_feature() -> None:
    engine = SweepingEngine()
    samples = await swept(engine, plan([4.0], ["One"], 1))
    feature, random = samples
    assert feature.text == " winter+4 the sea was calm and the night was long"
    assert engine.rereads == [
        "One the sea was calm and the night was long",
        f"One{feature.text}",
        f"One{random.text}",
    ]
    words = feature.text.split()
    assert feature.measures.activation == pytest.approx(3.0 / len(words))
    assert feature.measures.nats == pytest.approx(sum((len(word) + 1) / 4 for word in words) / len(words))
    assert (feature.measures.shows, random.measures.shows) == (True, False)
    assert feature.measures.shown_by is ShownBy.ACTIVATIONS
    assert feature.measures.divergence == pytest.approx(1 / len(words))


async def test_a_telltale_that_the_engine_knows_tells_what_shows() -> None:
    engine = SweepingEngine(telltale=Telltale(words=frozenset({"noise"})))
    feature, random = await swept(engine, plan([4.0], ["One"], 1))
    assert (feature.measures.shows, random.measures.shows) == (False, True)
    assert feature.measures.shown_by is ShownBy.TELLTALE


async def test_a_telltale_that_cannot_be_had_now_is_done_without() -> None:
    (sample, _) = await swept(WithoutEvidence(), plan([4.0], ["One"], 1))
    assert sample.measures.shown_by is ShownBy.ACTIVATIONS


async def test_a_sweep_that_takes_more_than_the_quota_is_refused_before_it_begins() -> None:
    engine = SweepingEngine(quota=Quota(19, 240))
    assert charge_of(engine, plan()) == 20
    assert charge_of(SweepingEngine(), plan()) is None
    with pytest.raises(Rejected, match="takes 20 requests, and 19 are left"):
        await swept(engine, plan())
    assert engine.requests == []
    enough = SweepingEngine(quota=Quota(20, 240))
    await swept(enough, plan())
    assert len(enough.requests) == 20


async def test_the_default_lane_is_asked_for_with_the_feature_to_be_watched() -> None:
    engine = RereadingEngine()
    await swept(engine, plan([0.0], ["One"], 1))
    assert [request.watched for request in engine.requests] == [(WINTER,)]


async def test_an_engine_without_random_directions_is_swept_without_them() -> None:
    engine = RereadingEngine()
    samples = await swept(engine, plan())
    assert {sample.case.direction for sample in samples} == {Direction.FEATURE}
    assert len(samples) == samples_of(engine, plan()) == 12
    assert row_of(4.0, samples).random is None


async def test_an_engine_that_reads_no_text_back_is_not_asked_for_one() -> None:
    engine = ScriptedEngine()
    with pytest.raises(Unsupported, match="scripted cannot read a text back"):
        await swept(engine, plan())
    assert engine.requests == []


def test_a_plan_needs_values_prompts_and_samples() -> None:
    for values, prompts, samples in (((), ("x",), 1), ((1.0,), (), 1), ((1.0,), ("x",), 0)):
        with pytest.raises(InvalidValue, match="at least one of each"):
            SweepPlan(WINTER, values, prompts, samples)


async def test_a_prompt_that_is_no_prompt_is_refused() -> None:
    with pytest.raises(InvalidValue, match="prompt is empty"):
        await swept(SweepingEngine(), plan(prompts=[" "]))


# One policy for what goes wrong


@pytest.mark.parametrize("lost", [Unreachable("lost"), Truncated("short"), Overloaded("full")])
async def test_a_lost_stream_is_asked_for_again_and_its_text_begins_anew(lost: SteerError) -> None:
    script = playing([token("half", 0, Lane.DEFAULT), lost], [*tokens("a b", Lane.DEFAULT), done(Lane.DEFAULT)])
    sweeping = Sweeping(SweepingEngine(script), plan([0.0], ["One"], 1))
    assert await sweeping.end() is None
    assert [sample.text for sample in sweeping.samples] == ["a b", "a b"]
    assert sweeping.waits == [(1, 2.0)]


async def test_a_lost_reading_is_asked_for_again_and_the_text_is_not() -> None:
    engine = SweepingEngine()
    engine.failures = [Unreachable("lost"), Unreachable("lost again")]
    sweeping = Sweeping(engine, plan([0.0], ["One"], 1))
    assert await sweeping.end() is None
    assert len(sweeping.samples) == 2
    assert (len(engine.requests), len(engine.rereads)) == (1, 3)
    assert sweeping.waits == [(1, 2.0), (2, 4.0)]


async def test_a_rate_limit_is_waited_out_for_texts_and_readings_alike() -> None:
    script = playing([RateLimited("slow down", retry_after=30)], [*tokens("a b", Lane.DEFAULT), done(Lane.DEFAULT)])
    engine = SweepingEngine(script)
    engine.failures = [RateLimited("slow down", retry_after=12)]
    sweeping = Sweeping(engine, plan([0.0], ["One"], 1))
    assert await sweeping.end() is None
    assert sweeping.waits == [(None, 30.0), (None, 12.0)]
    assert len(sweeping.samples) == 2


async def test_what_is_not_worth_a_retry_ends_the_sweep_after_the_samples_so_far() -> None:
    texts = [*tokens("a b", Lane.DEFAULT), done(Lane.DEFAULT)]
    engine = SweepingEngine(playing(texts, [*tokens("c"), done()], [Rejected("no")]))
    sweeping = Sweeping(engine, plan([4.0], ["One"], 1))
    assert isinstance(await sweeping.end(), Rejected)
    assert [sample.text for sample in sweeping.samples] == ["c"]
    assert engine.open_streams == 0


async def test_a_text_that_the_engine_takes_back_does_not_count() -> None:
    steps = [*tokens("a b c", Lane.DEFAULT), RewindEvent(Lane.DEFAULT, 1), token(" x", 1, Lane.DEFAULT)]
    samples = await swept(SweepingEngine(playing([*steps, done(Lane.DEFAULT)])), plan([0.0], ["One"], 1))
    assert samples[0].text == "a x"


async def test_a_cancelled_sweep_closes_the_engines_stream_at_once() -> None:
    engine = SweepingEngine(speaking(gate := Gate()))
    sweeping = Sweeping(engine, plan())
    gate.let(12)
    await settle()
    assert engine.open_streams == 1
    sweeping.task.cancel()
    await settle()
    assert sweeping.task.cancelled()
    assert engine.open_streams == 0
    requests = len(engine.requests)
    gate.open()
    await settle()
    assert len(engine.requests) == requests


async def test_a_sweep_that_is_closed_between_two_samples_asks_for_no_more() -> None:
    engine = SweepingEngine()
    samples = sweep(engine, plan())
    await anext(samples)
    await samples.aclose()
    assert (len(engine.requests), engine.open_streams) == (2, 0)


# The embedded engine


async def test_the_embedded_model_is_swept_and_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    async with aclosing(BuiltinEngine(write_weights(tmp_path))) as engine:
        feature = (await engine.find_features("tiny/2-sae/3"))[0]
        wanted = SweepPlan(feature, (0.0, 80.0), ("The snow",), 2, Sampling(temperature=1.5, max_tokens=12))
        samples = await swept(engine, wanted)
        assert [(sample.case.value, sample.case.direction.value) for sample in samples] == [
            (value, direction.value) for value in (0.0, 80.0) for direction in Direction for _ in range(2)
        ]
        default, steered = row_of(0.0, samples), row_of(80.0, samples)
        assert default.feature == default.random
        assert steered.feature is not None
        assert steered.random is not None
        assert steered.feature.nats is not None
        assert steered.feature.shown_by is ShownBy.TELLTALE
        assert steered.feature != steered.random
        assert await swept(engine, wanted) == samples


async def test_a_sweep_of_the_embedded_model_that_is_cancelled_computes_no_more(tmp_path: Path) -> None:
    async with aclosing(BuiltinEngine(write_weights(tmp_path))) as engine:
        feature = (await engine.find_features("tiny/2-sae/3"))[0]
        samples = sweep(engine, SweepPlan(feature, (8.0,), ("The snow",), 50))
        await anext(samples)
        pending = asyncio.ensure_future(anext(samples))
        await asyncio.sleep(0)
        pending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pending
        await engine.find_features("tiny/2-sae/3")  # which is looked up between two steps
        taken = engine.steps_taken
        await engine.find_features("tiny/2-sae/3")
        assert engine.steps_taken <= taken + 1
