"""What an edit, a dial and Enter start, and what they leave alone."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from fake_time import settle
from rehearsal import START, Rehearsal
from scripted_engine import Gate, speaking

from steer_tui.domain import BOTH_LANES, Lane, Method
from steer_tui.generation import Connecting, Done, Idle, Inputs, Settling, Streaming

Begin = Callable[..., Awaitable[Rehearsal]]


async def test_enter_alone_streams_two_different_texts(rehearse: Begin) -> None:
    stage = await rehearse()
    await stage.generate()
    assert stage.text() == " winter+4 the sea was calm and the night was long"
    assert stage.text(Lane.DEFAULT) == " the sea was calm and the night was long"
    assert all(isinstance(stage.phase(lane), Done) for lane in BOTH_LANES)


async def test_enter_connects_at_once_without_a_debounce(rehearse: Begin) -> None:
    stage = await rehearse(speaking(Gate()))
    assert stage.controller.generate()
    assert stage.phase() == stage.phase(Lane.DEFAULT) == Connecting()
    await settle()
    assert stage.engine.open_streams == 2


async def test_each_lane_has_a_request_of_its_own_with_the_same_sampling(rehearse: Begin) -> None:
    stage = await rehearse()
    await stage.generate()
    assert [request.lanes for request in stage.engine.requests] == [(Lane.STEERED,), (Lane.DEFAULT,)]
    assert stage.engine.requests[0].sampling == stage.engine.requests[1].sampling


async def test_activations_are_asked_for_also_of_dials_that_are_off(rehearse: Begin) -> None:
    stage = await rehearse()
    await stage.generate()
    assert [feature.label for feature in stage.engine.requests[0].watched] == ["winter", "sea"]
    assert [dial.feature.label for dial in stage.engine.requests[0].vector.dials] == ["winter"]


async def test_ten_dial_moves_within_the_debounce_make_one_steered_stream(rehearse: Begin) -> None:
    stage = await rehearse()
    await stage.generate()
    for step in range(10):
        stage.turn(5.0 + step / 2)
        await stage.pass_time(0.1)
        assert stage.phase() == Settling(rest=stage.phase().rest)
    await stage.pass_time(0.5)
    assert stage.engine.asked(Lane.STEERED) == 2
    assert stage.text().startswith(" winter+9.5 ")


async def test_the_debounce_counts_from_the_last_move(rehearse: Begin) -> None:
    stage = await rehearse()
    stage.turn(5.0)
    await stage.pass_time(0.4)
    stage.turn(6.0)
    await stage.pass_time(0.4)
    assert stage.engine.asked(Lane.STEERED) == 0
    await stage.pass_time(0.1)
    assert stage.engine.asked(Lane.STEERED) == 1


async def test_a_dial_restarts_the_steered_lane_while_the_default_lane_runs_on(rehearse: Begin) -> None:
    gate = Gate()
    stage = await rehearse(speaking(gate))
    await stage.generate()
    gate.let(4)
    await stage.turn_and_wait(6.0)
    assert stage.engine.log == ["open 1 steered", "open 2 default", "close 1 steered", "open 3 steered"]
    gate.open()
    await stage.pass_time()
    assert stage.text(Lane.DEFAULT) == " the sea was calm and the night was long"
    assert stage.text().startswith(" winter+6 ")


async def test_a_dial_keeps_a_finished_default_lane(rehearse: Begin) -> None:
    stage = await rehearse()
    await stage.generate()
    await stage.turn_and_wait(6.0)
    assert (stage.engine.asked(Lane.STEERED), stage.engine.asked(Lane.DEFAULT)) == (2, 1)


@pytest.mark.parametrize(
    "edited",
    [
        replace(START, prompt="Another one"),
        replace(START, sampling=replace(START.sampling, seed=17)),
        replace(START, sampling=replace(START.sampling, temperature=0.0)),
        replace(START, chat=True),
    ],
    ids=["prompt", "seed", "temperature", "chat"],
)
async def test_an_edit_restarts_both_lanes(rehearse: Begin, edited: Inputs) -> None:
    stage = await rehearse()
    await stage.generate()
    stage.controller.change(edited)
    assert isinstance(stage.phase(), Settling)
    assert isinstance(stage.phase(Lane.DEFAULT), Settling)
    await stage.pass_time(0.5)
    assert (stage.engine.asked(Lane.STEERED), stage.engine.asked(Lane.DEFAULT)) == (2, 2)


async def test_another_method_restarts_the_steered_lane_alone(rehearse: Begin) -> None:
    stage = await rehearse()
    await stage.generate()
    stage.controller.change(replace(START, method=Method.ORTHOGONAL))
    await stage.pass_time(0.5)
    assert (stage.engine.asked(Lane.STEERED), stage.engine.asked(Lane.DEFAULT)) == (2, 1)


async def test_a_dial_that_is_added_at_zero_starts_nothing(rehearse: Begin) -> None:
    stage = await rehearse(inputs=replace(START, dials=START.dials[:1]))
    await stage.generate()
    stage.controller.change(START)
    await stage.pass_time(1.0)
    assert len(stage.engine.requests) == 2


async def test_the_old_stream_is_closed_before_the_new_one_starts(rehearse: Begin) -> None:
    stage = await rehearse(speaking(Gate()), closing=3.0)
    await stage.generate()
    await stage.turn_and_wait(6.0)
    await stage.pass_time(2.4)
    assert stage.engine.log == ["open 1 steered", "open 2 default"]
    await stage.pass_time(0.6)
    assert stage.engine.log[2:] == ["close 1 steered", "open 3 steered"]


async def test_the_old_stream_is_closed_first_however_often_its_successor_is_replaced(rehearse: Begin) -> None:
    stage = await rehearse(speaking(Gate()), closing=3.0)
    await stage.generate()
    for value in (5.0, 6.0, 7.0):
        await stage.turn_and_wait(value)
    await stage.generate()
    assert stage.engine.log == ["open 1 steered", "open 2 default"]
    await stage.pass_time(3.0)
    assert stage.engine.log[2:] == ["close 1 steered", "open 3 steered"]


async def test_text_of_an_earlier_run_stays_until_the_first_event_of_the_new_one(rehearse: Begin) -> None:
    gate = Gate()
    stage = await rehearse(speaking(gate))
    await stage.generate()
    gate.let(6)
    await stage.pass_time()
    before = stage.text()
    await stage.turn_and_wait(6.0)
    assert stage.text() == before
    gate.let(2)
    await stage.pass_time()
    assert stage.text() == " winter+6"


async def test_with_auto_off_a_change_only_marks_the_text_stale(rehearse: Begin) -> None:
    gate = Gate()
    stage = await rehearse(speaking(gate), auto=False)
    await stage.generate()
    stage.turn(6.0)
    await stage.pass_time(1.0)
    assert stage.controller.is_stale(Lane.STEERED)
    assert not stage.controller.is_stale(Lane.DEFAULT)
    gate.open()
    await stage.pass_time()
    assert stage.text().startswith(" winter+4 ")
    assert len(stage.engine.requests) == 2
    stage.edit("Another one")
    assert stage.controller.is_stale(Lane.DEFAULT)


async def test_switching_auto_on_makes_good_what_is_stale(rehearse: Begin) -> None:
    stage = await rehearse(auto=False)
    await stage.generate()
    stage.turn(6.0)
    stage.controller.switch_auto(True)
    await stage.pass_time(0.5)
    assert stage.text().startswith(" winter+6 ")
    assert stage.engine.asked(Lane.DEFAULT) == 1
    assert not stage.controller.is_stale(Lane.STEERED)


async def test_switching_auto_on_starts_nothing_where_nothing_is_stale(rehearse: Begin) -> None:
    stage = await rehearse(auto=False)
    stage.controller.switch_auto(True)
    await stage.generate()
    stage.controller.switch_auto(False)
    stage.controller.switch_auto(True)
    await stage.pass_time(1.0)
    assert len(stage.engine.requests) == 2


async def test_an_empty_prompt_sends_nothing(rehearse: Begin) -> None:
    stage = await rehearse(inputs=replace(START, prompt=" \n"))
    assert not stage.controller.generate()
    stage.turn(6.0)
    stage.controller.try_again()
    stage.controller.switch_auto(True)
    await stage.pass_time(1.0)
    assert stage.engine.requests == []
    assert stage.phase() == Idle()


async def test_an_edit_to_an_empty_prompt_stops_what_is_under_way_and_keeps_the_text(rehearse: Begin) -> None:
    gate = Gate()
    stage = await rehearse(speaking(gate))
    await stage.generate()
    gate.let(4)
    await stage.pass_time()
    before = stage.text()
    stage.edit("")
    await stage.pass_time(1.0)
    assert before
    assert stage.text() == before
    assert stage.engine.open_streams == 0
    assert not stage.controller.state.is_generating


async def test_with_auto_off_an_empty_prompt_lets_a_running_generation_go_on(rehearse: Begin) -> None:
    gate = Gate()
    stage = await rehearse(speaking(gate), auto=False)
    await stage.generate()
    gate.let(2)
    await stage.pass_time()
    stage.edit("")
    await stage.pass_time(1.0)
    assert stage.phase() == Streaming()


async def test_a_dial_moved_and_moved_back_leaves_the_text_of_its_settings(rehearse: Begin) -> None:
    stage = await rehearse()
    await stage.generate()
    stage.turn(6.0)
    await stage.pass_time(0.2)
    stage.turn(4.0)
    await stage.pass_time(1.0)
    assert stage.text().startswith(" winter+4 ")
    assert isinstance(stage.phase(), Done)
    assert not any(dial.value == 6.0 for request in stage.engine.requests for dial in request.vector.dials)


async def test_a_change_that_changes_nothing_leaves_a_running_generation_alone(rehearse: Begin) -> None:
    stage = await rehearse(speaking(Gate()))
    await stage.generate()
    stage.controller.change(START)
    await stage.pass_time(1.0)
    assert stage.engine.log == ["open 1 steered", "open 2 default"]


async def test_enter_during_a_generation_starts_the_steered_lane_again(rehearse: Begin) -> None:
    stage = await rehearse(speaking(Gate()))
    await stage.generate()
    await stage.generate()
    assert stage.engine.log == ["open 1 steered", "open 2 default", "close 1 steered", "open 3 steered"]


async def test_every_change_is_told(rehearse: Begin) -> None:
    stage = await rehearse()
    await stage.generate()
    seen = stage.changes
    assert seen >= 20
    stage.turn(5.0)
    assert stage.changes > seen
