"""Turns of a live dial that fail, or that come when the text is over, cancelled or lost."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from fake_time import settle
from live_engine import LiveEngine
from live_rehearsal import Begin, come, finish, is_stale, streaming, turns, words
from rehearsal import NO_DEADLINES
from scripted_engine import Gate

from steer_tui.domain import (
    Feature,
    GenerationRequest,
    Lane,
    Malformed,
    Rejected,
    SteeringVector,
    TimedOut,
    Unreachable,
)
from steer_tui.generation import Cancelled, Done, Retrying, Settling, Streaming, flight


async def test_a_turn_that_fails_leaves_text_and_dial_and_marks_the_text_stale(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    engine.faults = [fault := Rejected("Too strong.")]
    stage.turn(6.0)
    await come(stage, engine, 2)
    lane = stage.controller.state.lanes[Lane.STEERED]
    assert (lane.phase, lane.turn_error, turns(stage)) == (Streaming(), fault, [])
    assert stage.controller.inputs.dials[0].value == 6.0
    assert is_stale(stage)
    await finish(stage, engine)
    await stage.pass_time(5.0)
    assert set(stage.text().split()) == {"winter+4"}
    assert is_stale(stage)
    assert engine.asked(Lane.STEERED) == 1
    await stage.generate()
    assert lane.turn_error is None


async def test_after_a_turn_that_failed_the_next_one_is_tried(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    engine.faults = [Rejected("Too strong.")]
    stage.turn(9.0)
    stage.turn(10.0)
    await stage.pass_time()
    assert is_stale(stage)
    stage.turn(6.0)
    await stage.pass_time()
    assert stage.controller.state.lanes[Lane.STEERED].turn_error is None
    assert turns(stage) == [(3, "winter+4", "winter+6")]
    assert not is_stale(stage)


async def test_a_turn_that_fails_while_a_newer_one_waits_does_not_hold_it_up(rehearse: Begin) -> None:
    class Slow(LiveEngine):
        async def turn(
            self, request: GenerationRequest, vector: SteeringVector, watched: Sequence[Feature]
        ) -> int | None:
            if not self.turned:
                self.turned.append(vector)
                await self.sluggish.wait()
                raise Rejected("Too strong.")
            return await super().turn(request, vector, watched)

        sluggish = asyncio.Event()

    stage, engine = await streaming(rehearse, engine=Slow)
    stage.turn(10.0)
    await settle()
    stage.turn(6.0)
    Slow.sluggish.set()
    await come(stage, engine, 1)
    assert turns(stage) == [(3, "winter+4", "winter+6")]
    assert stage.controller.state.lanes[Lane.STEERED].turn_error is None


async def test_an_engine_that_never_answers_to_a_turn_has_failed_it(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse, deadlines=replace(NO_DEADLINES, silence=0.02))
    engine.answers = Gate()
    stage.turn(6.0)
    await settle()
    await asyncio.sleep(0.1)
    assert isinstance(stage.controller.state.lanes[Lane.STEERED].turn_error, TimedOut)
    assert stage.phase() == Streaming()


async def test_an_engine_that_breaks_at_a_turn_does_not_end_the_text(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    engine.faults = [ZeroDivisionError()]
    stage.turn(6.0)
    await finish(stage, engine)
    error = stage.controller.state.lanes[Lane.STEERED].turn_error
    assert isinstance(error, Malformed)
    assert "ZeroDivisionError" in error.message
    assert isinstance(stage.phase(), Done)


async def test_an_answer_that_cannot_be_fails_the_turn(rehearse: Begin) -> None:
    class Confused(LiveEngine):
        async def turn(self, request: GenerationRequest, vector: SteeringVector, watched: Sequence[Feature]) -> int:
            return -1

    stage, _ = await streaming(rehearse, engine=Confused)
    stage.turn(6.0)
    await stage.pass_time()
    assert isinstance(stage.controller.state.lanes[Lane.STEERED].turn_error, Malformed)


@pytest.mark.parametrize("answered", [True, False])
async def test_a_turn_that_no_token_was_left_for_restarts_as_if_it_came_after_the_end(
    rehearse: Begin, answered: bool
) -> None:
    stage, engine = await streaming(rehearse, tokens=12)
    engine.answers = None if answered else Gate()
    stage.turn(6.0)
    await stage.pass_time()
    assert not is_stale(stage)
    engine.gate.let(1)
    await stage.pass_time()
    if engine.answers is not None:
        assert isinstance(stage.phase(), Done)
        engine.answers.open()
        await stage.pass_time()
    assert isinstance(stage.phase(), Settling)
    assert turns(stage) == []
    assert is_stale(stage)
    await stage.pass_time(0.5)
    await finish(stage, engine)
    assert set(stage.text().split()) == {"winter+6"}
    assert not is_stale(stage)


async def test_a_turn_that_finds_no_text_running_restarts_once_the_text_on_show_has_ended(rehearse: Begin) -> None:
    class Finished(LiveEngine):
        async def turn(self, request: GenerationRequest, vector: SteeringVector, watched: Sequence[Feature]) -> None:
            self.turned.append(vector)

    stage, engine = await streaming(rehearse, engine=Finished)
    stage.turn(6.0)
    await stage.pass_time(1.0)
    assert (len(engine.turned), stage.phase(), is_stale(stage)) == (1, Streaming(), True)
    await finish(stage, engine)
    await stage.pass_time(0.5)
    assert set(stage.text().split()) == {"winter+6"}
    assert engine.asked(Lane.STEERED) == 2


async def test_a_turn_that_no_token_was_left_for_marks_the_text_stale_with_auto_off(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse, tokens=12, auto=False)
    stage.turn(6.0)
    await finish(stage, engine)
    await stage.pass_time(1.0)
    assert isinstance(stage.phase(), Done)
    assert (turns(stage), is_stale(stage), engine.asked(Lane.STEERED)) == ([], True, 1)


async def test_esc_leaves_the_text_with_the_mark_of_a_turn_that_still_was_to_be_answered(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    engine.answers = Gate()
    stage.turn(6.0)
    await come(stage, engine, 2)
    assert stage.controller.cancel()
    await stage.pass_time()
    engine.answers.open()
    await stage.pass_time(5.0)
    assert stage.phase() == Cancelled()
    assert turns(stage) == [(3, "winter+4", "winter+6")]
    assert not is_stale(stage)
    assert engine.open_streams == 0


async def test_esc_right_after_a_turn_leaves_a_stale_text_without_a_mark(rehearse: Begin) -> None:
    stage, _ = await streaming(rehearse)
    stage.turn(6.0)
    await stage.pass_time()
    stage.controller.cancel()
    await stage.pass_time(5.0)
    assert (turns(stage), is_stale(stage)) == ([], True)
    assert stage.phase() == Cancelled()


async def test_what_comes_after_an_unanswered_turn_waits_for_it_for_a_moment(
    rehearse: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flight, "ANSWER_GRACE", 0.05)
    stage, engine = await streaming(rehearse)
    engine.answers = Gate()
    stage.turn(6.0)
    await come(stage, engine, 1)
    stage.edit("Another one")
    stage.edit("Yet another one")
    await stage.pass_time(5.0)
    assert engine.asked(Lane.STEERED) == 1
    await asyncio.sleep(0.1)
    await stage.pass_time(0.5)
    await finish(stage, engine)
    assert set(stage.text().split()) == {"winter+6"}
    assert turns(stage) == []


def lost_once(engine: LiveEngine) -> None:
    """Let the first stream be lost after its fourth token."""
    speak = engine._script
    lost = iter([True])

    def script(request: object) -> object:
        steps = speak(request)
        if Lane.STEERED not in request.lanes or not next(lost, False):
            return steps

        def until_lost() -> object:
            for step in steps:
                yield step
                if getattr(step, "index", 0) == 3:
                    yield engine.gate
                    raise Unreachable("Gone.")

        return until_lost()

    engine._script = script


@pytest.mark.parametrize("answered", [True, False])
async def test_a_lost_connection_begins_again_with_the_turned_dials_and_without_marks(
    rehearse: Begin, answered: bool
) -> None:
    stage = await rehearse(engine=LiveEngine, live=True)
    engine = stage.engine
    assert isinstance(engine, LiveEngine)
    lost_once(engine)
    await stage.generate()
    await come(stage, engine, 3)
    engine.answers = None if answered else Gate()
    stage.turn(6.0)
    await come(stage, engine, 2)
    assert isinstance(stage.phase(), Retrying)
    await stage.pass_time(2.0)
    await come(stage, engine, 1)
    assert stage.text() == " winter+6"
    if engine.answers is not None:
        engine.answers.open()
    await finish(stage, engine)
    assert set(stage.text().split()) == {"winter+6"}
    assert (turns(stage), is_stale(stage)) == ([], False)
    assert [words(request.vector) for request in engine.requests if Lane.STEERED in request.lanes] == [
        "winter+4",
        "winter+6",
    ]


async def test_a_text_that_was_turned_there_and_back_begins_again_after_a_loss(rehearse: Begin) -> None:
    stage = await rehearse(engine=LiveEngine, live=True)
    engine = stage.engine
    assert isinstance(engine, LiveEngine)
    lost_once(engine)
    await stage.generate()
    await come(stage, engine, 1)
    for value in (6.0, 4.0):
        stage.turn(value)
        await come(stage, engine, 1)
    assert turns(stage) != []
    await come(stage, engine, 2)
    assert isinstance(stage.phase(), Retrying)
    await stage.pass_time(2.0)
    await come(stage, engine, 1)
    lane = stage.controller.state.lanes[Lane.STEERED]
    assert (stage.text(), turns(stage), lane.came_otherwise) == (" winter+4", [], False)
