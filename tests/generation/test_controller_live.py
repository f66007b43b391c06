"""Live dials: a dial acts on the text that comes, and what that leaves of debounce, staleness and Enter."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from fake_time import settle
from live_engine import LiveEngine
from live_rehearsal import Begin, come, finish, is_stale, streaming, turns, words
from rehearsal import START
from scripted_engine import FEATURES, Gate, ScriptedEngine

from steer_tui.domain import Dial, Feature, GenerationRequest, Lane, SteeringVector
from steer_tui.engines import LanePolicy
from steer_tui.generation import Done, Settling


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


async def test_a_dial_that_is_added_is_watched_from_the_next_turn_on(rehearse: Begin) -> None:
    stage, engine = await streaming(rehearse)
    stage.controller.change(replace(START, dials=(*START.dials, Dial(FEATURES[2], 2.0), Dial(FEATURES[3]))))
    await come(stage, engine, 2)
    read = stage.controller.state.lanes[Lane.STEERED].transcript.activations
    assert {id: list(values) for id, values in read.items()} == {
        FEATURES[0].id: [0, 1, 2, 3, 4],
        FEATURES[1].id: [0, 1, 2, 3, 4],
        FEATURES[2].id: [0, 0, 0, 3, 4],
        FEATURES[3].id: [0, 0, 0, 3, 4],
    }


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
        async def turn(
            self, request: GenerationRequest, vector: SteeringVector, watched: Sequence[Feature]
        ) -> int | None:
            index = await super().turn(request, vector, watched)
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


async def test_an_engine_that_learns_late_that_it_can_is_live_from_then_on(rehearse: Begin) -> None:
    class Learning(LiveEngine):
        turns_live = False

    stage, engine = await streaming(rehearse, engine=Learning)
    assert not stage.controller.can_live
    assert isinstance(engine, Learning)
    engine.turns_live = True
    assert stage.controller.can_live
    assert stage.controller.live
    stage.turn(6.0)
    await stage.pass_time()
    assert len(engine.turned) == 1


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
