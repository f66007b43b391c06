"""A dial that is turned while its lane runs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from engines.builtin.tiny import CONTEXT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steer_tui.domain import (
    BOTH_LANES,
    ActivationEvent,
    Dial,
    DoneEvent,
    Event,
    Feature,
    FinishReason,
    GenerationRequest,
    Lane,
    Method,
    NotFound,
    Rejected,
    Sampling,
    SteeringVector,
    TokenEvent,
    Unsupported,
)
from steer_tui.engines import LiveDials
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.engines.builtin.catalogue import read_card, read_catalogue, read_tokenizer
from steer_tui.engines.builtin.characters import Spellings, Unfinished
from steer_tui.engines.builtin.sampling import Sampler
from steer_tui.engines.builtin.steering import Steering
from steer_tui.engines.builtin.tokenizer import Tokenizer
from steer_tui.engines.builtin.transformer import Transformer
from steer_tui.engines.builtin.weights import read_directions, read_model

SAMPLING = Sampling(temperature=0.8, max_tokens=40, seed=3)
STRANGER = SteeringVector.of([Dial(Feature("gpt2/8-res/1", "strange", 1.0), 1.0)])


@pytest.fixture
async def sea(engine: BuiltinEngine) -> Feature:
    return (await engine.find_features("sea"))[0]


def at(feature: Feature, value: float) -> SteeringVector:
    return SteeringVector.of([Dial(feature, value)])


Turns = Sequence[tuple[int, SteeringVector]]
"""After how many tokens of the steered lane each turn comes."""


async def turned(
    engine: BuiltinEngine,
    request: GenerationRequest,
    turns: Turns,
    wait: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0),
) -> list[Event]:
    """The events of a request, with each turn made as soon as its token has been taken and a wait is over."""
    left, taken, events = list(turns), 0, list[Event]()

    async def turn_if_due() -> None:
        while left and left[0][0] == taken:
            await wait()
            assert await engine.turn(request, left.pop(0)[1], request.watched) == taken

    async with aclosing(engine.stream(request)) as stream:
        async for event in stream:
            events.append(event)
            if isinstance(event, TokenEvent) and event.lane is Lane.STEERED:
                taken = event.index + 1
                await turn_if_due()
    assert not left
    return events


async def until_computed() -> None:
    """Time enough for the engine to run far ahead of the reader."""
    await asyncio.sleep(0.15)


def of_lane(events: Sequence[Event], lane: Lane) -> list[Event]:
    return [event for event in events if event.lane is lane]


def tokens_of(events: Sequence[Event], lane: Lane = Lane.STEERED) -> list[TokenEvent]:
    return [event for event in of_lane(events, lane) if isinstance(event, TokenEvent)]


@cache
def parts(weights: Path) -> tuple[Tokenizer, Steering, Transformer]:
    card = read_card(weights)
    steering = Steering(card, read_catalogue(weights, card), read_directions(weights, card))
    return read_tokenizer(weights, card), steering, Transformer(card, read_model(weights, card))


def replayed(weights: Path, request: GenerationRequest, turns: Turns) -> list[tuple[bytes, float]]:
    """The steered lane's tokens one by one, with every turn at its place: what no reader's pace can change."""
    tokenizer, steering, transformer = parts(weights)
    sequence = transformer.sequence(steering.push(request.vector))
    sampler, unfinished, due = Sampler(request.sampling), Unfinished(Spellings(tokenizer.token_bytes)), list(turns)
    *prompt, latest = [tokenizer.end_of_text, *tokenizer.encode(request.prompt)]
    sequence.prefill(prompt)
    made: list[tuple[bytes, float]] = []
    while len(made) < request.sampling.max_tokens:
        while due and due[0][0] == len(made):
            sequence.push = steering.push(due.pop(0)[1])
        sequence.step(latest)
        left = request.sampling.max_tokens - len(made) - 1
        latest, logprob = sampler.draw(sequence.logits, unfinished, left)
        if latest == tokenizer.end_of_text:
            break
        unfinished.take(latest)
        made.append((tokenizer.token_bytes[latest], logprob))
    return made


@pytest.mark.parametrize("wait", [lambda: asyncio.sleep(0), until_computed], ids=["at once", "far ahead"])
@pytest.mark.parametrize("after", [1, 7, 39, 40])
async def test_the_turned_vector_acts_from_the_next_token_on(
    engine: BuiltinEngine, sea: Feature, weights: Path, after: int, wait: Callable[[], Awaitable[None]]
) -> None:
    assert isinstance(engine, LiveDials)
    request = GenerationRequest("The sea", SAMPLING, at(sea, 4.0), (Lane.STEERED,))
    turn = (after, at(sea, -60.0))
    plain, live = await turned(engine, request, []), await turned(engine, request, [turn], wait)
    assert live[:after] == plain[:after]
    made = replayed(weights, request, [turn])
    assert "".join(token.token for token in tokens_of(live)) == b"".join(text for text, _ in made).decode()
    assert [token.logprob for token in tokens_of(live)] == [logprob for _, logprob in made]
    if after < 39:
        assert tokens_of(live) != tokens_of(plain)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    values=st.lists(st.tuples(st.integers(1, 30), st.sampled_from([-60.0, 0.0, 4.0, 60.0])), max_size=6),
    far_ahead=st.booleans(),
    temperature=st.sampled_from([0.0, 0.8, 1.5]),
)
async def test_turns_give_the_same_text_at_any_pace(
    engine: BuiltinEngine,
    sea: Feature,
    weights: Path,
    values: list[tuple[int, float]],
    far_ahead: bool,
    temperature: float,
) -> None:
    sampling = replace(SAMPLING, temperature=temperature, max_tokens=30)
    request = GenerationRequest("The snow", sampling, at(sea, 4.0), (Lane.STEERED,))
    turns = [(after, at(sea, value)) for after, value in sorted(values, key=lambda pair: pair[0])]
    made = replayed(weights, request, turns)
    # Where a turn shortens the text, those that would have come behind its end are left out.
    turns = [turn for turn in turns if turn[0] <= len(made)]
    wait = (lambda: asyncio.sleep(0.02)) if far_ahead else (lambda: asyncio.sleep(0))
    events = await turned(engine, request, turns, wait)
    assert [token.index for token in tokens_of(events)] == list(range(len(made)))
    assert [token.logprob for token in tokens_of(events)] == [logprob for _, logprob in made]
    assert isinstance(events[-1], DoneEvent)
    assert sum(isinstance(event, DoneEvent) for event in events) == 1


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(1, 25), st.text(alphabet="etaoins \n", min_size=1, max_size=3))
async def test_a_stop_text_ends_a_turned_lane_too(engine: BuiltinEngine, sea: Feature, after: int, stop: str) -> None:
    sampling = replace(SAMPLING, stop=(stop,))
    request = GenerationRequest("The snow", sampling, at(sea, 4.0), (Lane.STEERED,))
    plain = await turned(engine, request, [])
    turns = [(after, at(sea, -60.0))] if after <= len(tokens_of(plain)) else []
    events = await turned(engine, request, turns, lambda: asyncio.sleep(0.02))
    before, tokens = tokens_of(plain)[:after], tokens_of(events)
    assert tokens[: len(before)] == before
    assert [token.index for token in tokens] == list(range(len(tokens)))
    assert stop not in "".join(token.token for token in tokens[after:])
    assert [isinstance(event, DoneEvent) for event in events] == [False] * len(tokens) + [True]


async def test_a_turn_to_the_same_vector_changes_nothing(engine: BuiltinEngine, sea: Feature) -> None:
    watched = tuple(await engine.find_features(""))
    request = GenerationRequest("The sea", SAMPLING, at(sea, 8.0), watched=watched)
    plain = await turned(engine, request, [])
    same = await turned(engine, request, [(after, at(sea, 8.0)) for after in (1, 2, 2, 11, 25)], until_computed)
    for lane in BOTH_LANES:
        assert of_lane(same, lane) == of_lane(plain, lane)


async def test_the_default_lane_does_not_change(engine: BuiltinEngine, sea: Feature) -> None:
    request = GenerationRequest("The sea", SAMPLING, at(sea, 4.0))
    plain, live = (
        await turned(engine, request, []),
        await turned(engine, request, [(5, at(sea, -60.0))], until_computed),
    )
    assert of_lane(live, Lane.DEFAULT) == of_lane(plain, Lane.DEFAULT)
    assert tokens_of(live)[:5] == tokens_of(plain)[:5]
    assert tokens_of(live) != tokens_of(plain)


async def test_every_token_keeps_its_own_activations(engine: BuiltinEngine, sea: Feature) -> None:
    request = GenerationRequest("The sea", SAMPLING, at(sea, 4.0), (Lane.STEERED,), watched=(sea,))
    events = await turned(engine, request, [(3, at(sea, 60.0)), (9, at(sea, -60.0))], until_computed)
    pairs = list(zip(events[:-1:2], events[1:-1:2], strict=True))
    for number, (token, reading) in enumerate(pairs):
        assert isinstance(token, TokenEvent)
        assert isinstance(reading, ActivationEvent)
        assert token.index == reading.token_index == number
    read = [reading.features[0].activation for _, reading in pairs if isinstance(reading, ActivationEvent)]
    assert np.mean(read[3:9]) > np.mean(read[9:])


async def test_a_turn_before_the_first_token_acts_on_it(engine: BuiltinEngine, sea: Feature, weights: Path) -> None:
    request = GenerationRequest("0123456789" * 5, SAMPLING, at(sea, 4.0), (Lane.STEERED,))
    await engine.prepare()
    stream = engine.stream(request)
    first = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    assert await engine.turn(request, at(sea, 60.0), ()) == 0
    events = [await first, *[event async for event in stream]]
    made = replayed(weights, request, [(0, at(sea, 60.0))])
    assert [token.logprob for token in tokens_of(events)] == [logprob for _, logprob in made]


async def test_a_lane_that_has_come_to_its_end_unread_goes_on_another_way(engine: BuiltinEngine, sea: Feature) -> None:
    request = GenerationRequest("The sea", SAMPLING, at(sea, 4.0), (Lane.STEERED,))
    plain = await turned(engine, request, [])
    stop = "".join(token.token for token in tokens_of(plain))[-3:-1]
    request = replace(request, sampling=replace(SAMPLING, stop=(stop,)))
    live = await turned(engine, request, [(2, at(sea, -60.0))], until_computed)
    assert live[:2] == plain[:2]
    assert stop not in "".join(token.token for token in tokens_of(live))
    assert isinstance(live[-1], DoneEvent)
    assert live[-1].finish_reason in (FinishReason.STOP_SEQUENCE, FinishReason.MAX_TOKENS, FinishReason.COMPLETE)


async def test_a_vector_that_cannot_be_applied_leaves_the_stream_as_it_was(engine: BuiltinEngine, sea: Feature) -> None:
    request = GenerationRequest("The sea", SAMPLING, at(sea, 4.0))
    plain, live = await turned(engine, request, []), list[Event]()
    async with aclosing(engine.stream(request)) as stream:
        async for event in stream:
            live.append(event)
            if len(live) == 6:
                for vector, kind in (
                    (STRANGER, NotFound),
                    (at(sea, 1e300), Rejected),
                    (replace(at(sea, 1.0), method=Method.ABLATE), Unsupported),
                ):
                    with pytest.raises(kind):
                        await engine.turn(request, vector, ())
    assert live == plain


async def test_a_turn_acts_on_no_later_request(engine: BuiltinEngine, sea: Feature) -> None:
    request = GenerationRequest("The sea", SAMPLING, at(sea, 4.0), (Lane.STEERED,))
    plain = await turned(engine, request, [])
    await turned(engine, request, [(5, at(sea, 60.0))])
    assert await turned(engine, request, []) == plain


async def test_nothing_is_turned_where_no_steered_lane_runs(engine: BuiltinEngine, sea: Feature) -> None:
    request = GenerationRequest("The sea", SAMPLING, at(sea, 4.0), (Lane.DEFAULT,))
    assert await engine.turn(request, at(sea, 6.0), ()) is None
    plain = await turned(engine, request, [])
    async with aclosing(engine.stream(request)) as stream:
        live = [await anext(stream)]
        assert await engine.turn(request, at(sea, 60.0), ()) is None
        live += [event async for event in stream]
    assert live == plain
    request = replace(request, lanes=BOTH_LANES)
    async with aclosing(engine.stream(request)) as stream:
        async for event in stream:
            if event == DoneEvent(Lane.STEERED, FinishReason.MAX_TOKENS):
                assert await engine.turn(request, at(sea, 60.0), ()) is None


async def test_the_stream_of_the_very_request_alone_is_turned(engine: BuiltinEngine, sea: Feature) -> None:
    request = GenerationRequest("The sea", SAMPLING, at(sea, 4.0), (Lane.STEERED,), watched=(sea,))
    equal, other = replace(request), replace(request, prompt="The snow")
    plain = [await turned(engine, each, []) for each in (equal, other)]
    streams = [engine.stream(each) for each in (equal, request, other)]
    events = [[await anext(stream) for _ in range(2 * taken)] for stream, taken in zip(streams, (6, 4, 9), strict=True)]
    assert await engine.turn(request, at(sea, 60.0), (sea,)) == 4
    for stream, taken in zip(streams, events, strict=True):
        taken += [event async for event in stream]
    assert events == [plain[0], await turned(engine, request, [(4, at(sea, 60.0))]), plain[1]]


async def test_from_a_turn_on_other_features_can_be_watched(engine: BuiltinEngine, sea: Feature) -> None:
    [winter] = await engine.find_features("winter", 1)
    request = GenerationRequest("The sea", SAMPLING, at(sea, 4.0), watched=(sea,))
    vector, read = at(sea, -4.0), list[tuple[int, Lane, list[str]]]()
    async with aclosing(engine.stream(request)) as stream:
        async for event in stream:
            if isinstance(event, ActivationEvent):
                read.append((event.token_index, event.lane, [feature.label for feature in event.features]))
                if read[-1][:2] == (6, Lane.STEERED):
                    assert await engine.turn(request, vector, (winter, sea)) == 7
                elif read[-1][:2] == (20, Lane.STEERED):
                    assert await engine.turn(request, vector, ()) == 21
    steered = [labels for _, lane, labels in read if lane is Lane.STEERED]
    assert steered == [["sea"]] * 7 + [["winter", "sea"]] * 14
    assert [labels for _, lane, labels in read if lane is Lane.DEFAULT] == [["sea"]] * 40


async def test_many_turns_leave_nothing_running(engine: BuiltinEngine, sea: Feature) -> None:
    request = GenerationRequest("The sea", Sampling(max_tokens=CONTEXT - 1), at(sea, 4.0))
    async with aclosing(engine.stream(request)) as stream:
        await anext(stream)
        for step in range(50):
            await engine.turn(request, at(sea, step - 25.0), ())
    await engine.prepare()
    stood = engine.steps_taken
    await asyncio.sleep(0.1)
    assert engine.steps_taken == stood
