"""What comes through a gateway is what the engine behind it tells."""

import pytest
from engines.collecting import endings, events_of, words
from engines.gateway.asking import Delivered, asked
from engines.gateway.conftest import Open, Serve
from scripted_engine import FEATURES, Gate, ScriptedEngine, done, playing, speaking, token

from steer_tui.domain import (
    BOTH_LANES,
    ActivationEvent,
    Dial,
    DoneEvent,
    ErrorEvent,
    FinishReason,
    GenerationRequest,
    Lane,
    Method,
    Overloaded,
    RateLimited,
    RewindEvent,
    Sampling,
    SteerError,
    SteeringVector,
    TimedOut,
)
from steer_tui.engines.builtin import BuiltinEngine


async def test_every_event_is_the_engine_s_own(serve: Serve, open_at: Open) -> None:
    behind = ScriptedEngine()
    engine = open_at(await serve(behind))
    events = await events_of(engine, asked())
    assert events == await events_of(behind, asked())
    assert len(words(events)) == len(words(events, Lane.DEFAULT)) == 8
    assert endings(events) == ["max_tokens", "max_tokens"]


async def test_the_engine_is_asked_for_what_was_set(serve: Serve, open_at: Open) -> None:
    behind = ScriptedEngine()
    engine = open_at(await serve(behind))
    vector = SteeringVector.of((Dial(FEATURES[1], -2.5), Dial(FEATURES[0], 12.5)), Method.ORTHOGONAL)
    request = GenerationRequest(
        "Once\x1b[2J «upon»\n",
        Sampling(temperature=0.3, max_tokens=5, seed=77, stop=("the end", "\n\n")),
        vector,
        (Lane.STEERED,),
        (FEATURES[0], FEATURES[3], FEATURES[1]),
        chat=True,
    )
    await events_of(engine, request)
    (got,) = behind.requests
    assert (got.prompt, got.sampling, got.vector, got.lanes, got.chat) == (
        request.prompt,
        request.sampling,
        vector,
        request.lanes,
        True,
    )
    assert set(got.watched) == set(request.watched)


async def test_activations_come_where_features_are_watched_and_not_else(serve: Serve, open_at: Open) -> None:
    engine = open_at(await serve(ScriptedEngine()))
    watched = await events_of(engine, asked())
    assert {one.id for event in watched if isinstance(event, ActivationEvent) for one in event.features} == {
        feature.id for feature in FEATURES[:2]
    }
    assert not any(isinstance(event, ActivationEvent) for event in await events_of(engine, asked(watching=False)))


async def test_one_lane_alone(serve: Serve, open_at: Open) -> None:
    behind = ScriptedEngine()
    engine = open_at(await serve(behind))
    events = await events_of(engine, asked((Lane.DEFAULT,)))
    assert words(events) == []
    assert len(words(events, Lane.DEFAULT)) == 8


async def test_tokens_come_as_they_are_made(serve: Serve, open_at: Open) -> None:
    gate = Gate()
    engine = open_at(await serve(ScriptedEngine(speaking(gate))))
    stream = engine.stream(asked((Lane.STEERED,), watching=False))
    for _ in range(3):
        gate.let()
        await anext(stream)
    gate.open()
    assert len([event async for event in stream]) == 6


async def test_a_rewind_of_the_engine_passes(serve: Serve, open_at: Open) -> None:
    steps = [token("a"), token("b", 1), RewindEvent(Lane.STEERED, 1), token("c", 1)]
    end = DoneEvent(Lane.STEERED, FinishReason.STOP_SEQUENCE)
    engine = open_at(await serve(ScriptedEngine(playing([*steps, end]))))
    assert await events_of(engine, asked((Lane.STEERED,))) == [*steps, end]


async def test_the_embedded_model_speaks_through_a_gateway_as_by_itself(serve: Serve, open_at: Open) -> None:
    behind = BuiltinEngine()
    try:
        engine = open_at(await serve(behind))
        (feature,) = await engine.find_features("winter", 1)
        vector = SteeringVector.of((Dial(feature, 4.0),))
        request = GenerationRequest("Once upon a time", Sampling(max_tokens=12), vector, BOTH_LANES, (feature,))
        by_itself = await Delivered().bring(behind, request)
        through = await Delivered().bring(engine, request)
        for lane in Lane:
            assert through.transcript[lane][0] == by_itself.transcript[lane][0]
            assert through.transcript[lane][2] == by_itself.transcript[lane][2]
            (heard,) = through.transcript[lane][1].values()
            (told,) = by_itself.transcript[lane][1].values()
            assert heard == pytest.approx(told, abs=1e-4)
    finally:
        await behind.aclose()


@pytest.mark.parametrize("error", [RateLimited("Enough.", retry_after=7), Overloaded("Full.", retry_after=3)])
async def test_a_failure_of_the_engine_is_told_with_its_code_and_its_time(
    serve: Serve, open_at: Open, error: SteerError
) -> None:
    engine = open_at(await serve(ScriptedEngine(playing([token("a"), error]))))
    assert await events_of(engine, asked((Lane.STEERED,))) == [
        token("a"),
        ErrorEvent(error.message, error.code, error.retry_after),
    ]


async def test_an_engine_that_fails_is_asked_again_as_any_other(serve: Serve, open_at: Open) -> None:
    behind = ScriptedEngine(playing([token("a"), Overloaded("Full.")], [token("a"), token("b", 1), DONE]))
    delivered = await Delivered().bring(open_at(await serve(behind)), asked((Lane.STEERED,)))
    assert words(delivered.events) == ["a", "b"]
    assert [type(loss) for loss in delivered.losses] == [Overloaded]
    assert len(behind.requests) == 2


async def test_a_lane_that_fails_leaves_the_other_alone(serve: Serve, open_at: Open) -> None:
    broken = ErrorEvent("No.", "rejected", lane=Lane.STEERED)
    steps = [token("a"), broken, token("b", 0, Lane.DEFAULT), DoneEvent(Lane.DEFAULT, FinishReason.COMPLETE)]
    delivered = await Delivered().bring(open_at(await serve(ScriptedEngine(playing(steps)))), asked())
    assert delivered.events == steps


async def test_a_generation_that_takes_too_long_is_not_tried_again(serve: Serve, open_at: Open) -> None:
    behind = ScriptedEngine(speaking(Gate()))
    engine = open_at(await serve(behind, generation_seconds=0.05))
    delivered = Delivered()
    with pytest.raises(TimedOut, match="longer than") as failed:
        await delivered.bring(engine, asked())
    assert "fewer tokens" in failed.value.hint
    assert failed.value.code == "timed_out"
    assert (delivered.losses, len(behind.requests)) == ([], 1)


async def test_an_engine_behind_that_took_too_long_is_asked_once_more(serve: Serve, open_at: Open) -> None:
    silent = [token("a"), TimedOut("The engine's server fell silent.")]
    behind = ScriptedEngine(playing(silent, [token("a"), token("b", 1), done()]))
    delivered = await Delivered().bring(open_at(await serve(behind)), asked((Lane.STEERED,), watching=False))
    assert words(delivered.events) == ["a", "b"]
    assert [(type(loss), loss.hint) for loss in delivered.losses] == [(TimedOut, TimedOut.default_hint)]


DONE = DoneEvent(Lane.STEERED, FinishReason.COMPLETE)
