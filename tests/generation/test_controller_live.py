"""Live dials: a dial acts on the text that comes, and what that leaves of debounce, staleness, retries and Esc."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from fake_time import settle
from live_engine import LiveEngine
from rehearsal import NO_DEADLINES, START, Rehearsal
from scripted_engine import FEATURES, Gate, ScriptedEngine

from steer_tui.domain import Dial, Lane, Malformed, Rejected, SteeringVector, TimedOut, Unreachable
from steer_tui.engines import LanePolicy
from steer_tui.generation import Cancelled, Done, Retrying, Settling, Streaming, flight

Begin = Callable[..., Awaitable[Rehearsal]]


async def streaming(rehearse: Begin, tokens: int = 3, **options: object) -> tuple[Rehearsal, LiveEngine]:
    """A steered lane of which so many tokens have come, with live dials on."""
    stage = await rehearse(**{"engine": LiveEngine, "live": True, **options})
    engine = stage.engine
    assert isinstance(engine, LiveEngine)
    await stage.generate()
    await come(stage, engine, tokens)
    assert stage.phase() == Streaming()
    return stage, engine


async def come(stage: Rehearsal, engine: LiveEngine, tokens: int) -> None:
    engine.gate.let(tokens)
    await stage.pass_time()


async def finish(stage: Rehearsal, engine: LiveEngine) -> None:
    engine.gate.open()
    await stage.pass_time()


def turns(stage: Rehearsal) -> list[tuple[int, str, str]]:
    """Where the text was turned, from what and to what."""
    return [(t.index, words(t.before), words(t.vector)) for t in stage.controller.state.lanes[Lane.STEERED].turns]


def words(vector: SteeringVector) -> str:
    return " ".join(f"{dial.feature.label}{dial.value:+g}" for dial in vector.dials)


def is_stale(stage: Rehearsal) -> bool:
    return stage.controller.is_stale(Lane.STEERED)


async def test_a_dial_acts_from_the_next_token_on_and_what_came_before_stays(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    before = stage.text()
    stage.turn(6.0)
    await come(stage, engine, 2)
    assert stage.text() == before + " winter+6 winter+6" == " winter+4 winter+4 winter+4 winter+6 winter+6"
    assert turns(stage) == [(3, "winter+4", "winter+6")]
    await stage.pass_time(5.0)
    assert engine.asked(Lane.STEERED) == 1


@pytest.mark.parametrize(
    ("dials", "acting"),
    [
        ((), ""),
        ((Dial(FEATURES[0], 4.0, muted=True), Dial(FEATURES[1])), ""),
        ((*START.dials, Dial(FEATURES[2], -2.0)), "winter+4 dragon-2"),
        ((Dial(FEATURES[0], 4.0), Dial(FEATURES[1], 1.5)), "winter+4 sea+1.5"),
    ],
    ids=["removed", "muted", "added", "a second one"],
)
async def test_every_change_of_the_dials_acts(rehearse: Begin, dials: tuple[Dial, ...], acting: str) -> None:
    stage, engine = await streaming(rehearse)
    stage.controller.change(replace(START, dials=dials))
    await come(stage, engine, 1)
    assert turns(stage) == [(3, "winter+4", acting)]
    assert engine.asked(Lane.STEERED) == 1


async def test_a_dial_that_stays_off_asks_the_engine_nothing(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    stage.controller.change(replace(START, dials=(*START.dials, Dial(FEATURES[2]))))
    await stage.pass_time(1.0)
    assert engine.turned == []


async def test_of_turns_that_come_faster_than_the_engine_answers_the_newest_alone_waits(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    engine.answers = Gate()
    for value in (5.0, 6.0, 7.0, 8.0):
        stage.turn(value)
        await settle()
    assert [words(vector) for vector in engine.turned] == ["winter+5"]
    engine.answers.open()
    await come(stage, engine, 1)
    assert [words(vector) for vector in engine.turned] == ["winter+5", "winter+8"]
    assert turns(stage) == [(3, "winter+4", "winter+8")]
    assert stage.text().endswith(" winter+4 winter+8")


async def test_the_mark_stands_where_the_engine_says_however_late_the_answer_is(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    engine.answers = Gate()
    stage.turn(6.0)
    await come(stage, engine, 4)
    assert turns(stage) == []
    assert not is_stale(stage)
    engine.answers.open()
    await stage.pass_time()
    assert turns(stage) == [(3, "winter+4", "winter+6")]
    assert not is_stale(stage)


async def test_a_mark_can_stand_at_a_token_that_has_not_come(rehearse: Begin) -> None:
    class Ahead(LiveEngine):
        async def turn(self, vector: SteeringVector) -> int | None:
            index = await super().turn(vector)
            return None if index is None else index + 2

    stage, _ = await streaming(rehearse, engine=Ahead)
    stage.turn(6.0)
    await stage.pass_time()
    assert turns(stage) == [(5, "winter+4", "winter+6")]
    assert not is_stale(stage)


async def test_a_dial_turned_back_before_another_token_leaves_no_mark(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    for value in (6.0, 4.0):
        stage.turn(value)
        await stage.pass_time()
    assert turns(stage) == []
    await finish(stage, engine)
    assert not is_stale(stage)
    assert "winter+6" not in stage.text()


async def test_live_is_off_unless_it_is_switched_on(rehearse: Begin) -> None:
    stage = await rehearse(engine=LiveEngine)
    assert stage.controller.can_live
    await stage.generate()
    stage.turn(6.0)
    assert isinstance(stage.phase(), Settling)


async def test_an_engine_that_cannot_is_never_live(rehearse: Begin) -> None:
    stage = await rehearse(engine=ScriptedEngine, live=True)
    assert not stage.controller.can_live
    assert not stage.controller.live
    assert not stage.controller.switch_live(True)
    assert not stage.controller.live


async def test_while_nothing_streams_a_dial_is_waited_out_as_ever(rehearse: Begin) -> None:
    stage = await rehearse(engine=LiveEngine, live=True)
    engine = stage.engine
    assert isinstance(engine, LiveEngine)
    stage.turn(5.0)
    assert isinstance(stage.phase(), Settling)
    await stage.pass_time(0.5)
    stage.turn(6.0)  # connecting: no event has come yet
    assert isinstance(stage.phase(), Settling)
    await stage.pass_time(0.5)
    await finish(stage, engine)
    assert isinstance(stage.phase(), Done)
    stage.turn(7.0)
    await stage.pass_time(0.5)
    assert engine.turned == []
    assert stage.text().startswith(" winter+7")


async def test_with_auto_off_a_dial_acts_live_all_the_same(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse, auto=False)
    stage.turn(6.0)
    await finish(stage, engine)
    assert turns(stage) == [(3, "winter+4", "winter+6")]
    assert not is_stale(stage)


async def test_a_text_that_was_turned_is_not_stale_until_a_dial_leaves_its_last_turn(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    stage.turn(6.0)
    await finish(stage, engine)
    assert isinstance(stage.phase(), Done)
    turned = stage.text()
    stage.turn(7.0)
    assert is_stale(stage)
    stage.turn(6.0)
    await stage.pass_time(1.0)
    assert stage.text() == turned
    await stage.turn_and_wait(4.0)
    assert engine.asked(Lane.STEERED) == 2
    assert "winter+6" not in stage.text()
    assert turns(stage) == []


async def test_enter_makes_a_turned_text_anew_with_the_dials_as_they_stand(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    stage.turn(6.0)
    await finish(stage, engine)
    await stage.generate()
    assert set(stage.text().split()) == {"winter+6"}
    assert turns(stage) == []


async def test_marks_stay_with_the_old_text_until_the_new_one_begins(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    stage.turn(6.0)
    await come(stage, engine, 2)
    stage.edit("Another one")
    await stage.pass_time(0.5)
    assert turns(stage) == [(3, "winter+4", "winter+6")]
    await come(stage, engine, 1)
    assert turns(stage) == []
    assert stage.text() == " winter+6"


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
        async def turn(self, vector: SteeringVector) -> int | None:
            if not self.turned:
                self.turned.append(vector)
                await self.sluggish.wait()
                raise Rejected("Too strong.")
            return await super().turn(vector)

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
        async def turn(self, vector: SteeringVector) -> int:
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
        async def turn(self, vector: SteeringVector) -> None:
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


async def test_switched_on_live_brings_the_dials_as_they_stand(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse, live=False, auto=False)
    stage.turn(6.0)
    await stage.pass_time()
    assert is_stale(stage)
    assert stage.controller.switch_live(True)
    await come(stage, engine, 1)
    assert turns(stage) == [(3, "winter+4", "winter+6")]
    assert not is_stale(stage)


async def test_switched_off_again_a_dial_restarts(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    stage.controller.switch_live(False)
    stage.turn(6.0)
    assert isinstance(stage.phase(), Settling)
    assert engine.turned == []


async def test_an_edit_of_the_prompt_that_waits_for_enter_does_not_hold_up_a_live_dial(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse, auto=False)
    for prompt in ("Another one", ""):
        stage.edit(prompt)
        stage.turn(stage.controller.inputs.dials[0].value + 1)
        await come(stage, engine, 1)
    assert turns(stage) == [(3, "winter+4", "winter+5"), (4, "winter+5", "winter+6")]
    assert is_stale(stage)
    await stage.pass_time(1.0)
    assert engine.asked(Lane.STEERED) == 1


async def test_with_one_request_for_both_lanes_the_default_one_runs_on_untouched(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse, lanes=LanePolicy.TOGETHER)
    stage.turn(6.0)
    await finish(stage, engine)
    assert set(stage.text(Lane.DEFAULT).split()) == {"plain"}
    assert turns(stage) == [(3, "winter+4", "winter+6")]
    assert not stage.controller.is_stale(Lane.DEFAULT)
    assert stage.controller.state.lanes[Lane.DEFAULT].turns == ()


async def test_on_an_engine_that_serves_one_lane_at_a_time_the_other_one_comes_after_a_turned_text(
    rehearse: Begin,
) -> None:
    stage, engine = await streaming(rehearse, lanes=LanePolicy.ONE_AT_A_TIME)
    stage.turn(6.0)
    await finish(stage, engine)
    assert isinstance(stage.phase(Lane.DEFAULT), Done)
    assert turns(stage) == [(3, "winter+4", "winter+6")]


async def test_leaving_while_a_turn_is_not_answered_ends_everything(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    engine.answers = Gate()
    stage.turn(6.0)
    await stage.pass_time()
    await stage.end()
    assert engine.open_streams == 0
