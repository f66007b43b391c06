"""Engines that serve both lanes with one request, and engines that take one request at a time."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from fake_time import settle
from rehearsal import START, Rehearsal
from scripted_engine import Gate, Step, done, playing, speaking, token

from steer_tui.domain import BOTH_LANES, ErrorEvent, Lane, Rejected
from steer_tui.engines import LanePolicy
from steer_tui.generation import Connecting, Done, Failed, Settling, Streaming

Begin = Callable[..., Awaitable[Rehearsal]]


async def together(rehearse: Begin, *arguments: object, **options: object) -> Rehearsal:
    return await rehearse(*arguments, lanes=LanePolicy.TOGETHER, **options)


async def in_turn(rehearse: Begin, *arguments: object, **options: object) -> Rehearsal:
    return await rehearse(*arguments, lanes=LanePolicy.ONE_AT_A_TIME, **options)


async def test_together_one_request_carries_both_lanes(rehearse: Begin) -> None:
    stage = await together(rehearse)
    await stage.generate()
    assert [request.lanes for request in stage.engine.requests] == [BOTH_LANES]
    assert all(isinstance(stage.phase(lane), Done) for lane in BOTH_LANES)
    assert stage.text() != stage.text(Lane.DEFAULT)


async def test_together_a_finished_default_lane_is_kept_when_a_dial_moves(rehearse: Begin) -> None:
    stage = await together(rehearse)
    await stage.generate()
    before = stage.text(Lane.DEFAULT)
    await stage.turn_and_wait(6.0)
    assert stage.engine.requests[-1].lanes == (Lane.STEERED,)
    assert stage.text(Lane.DEFAULT) == before


async def test_together_what_still_comes_for_a_finished_default_lane_is_ignored(rehearse: Begin) -> None:
    both: list[Step] = [token("a"), token("b", 0, Lane.DEFAULT), done(), done(Lane.DEFAULT)]
    again: list[Step] = [token("a"), token("x", 0, Lane.DEFAULT), done(Lane.DEFAULT), done()]
    stage = await together(rehearse, playing(both, again))
    await stage.generate()
    await stage.turn_and_wait(6.0)
    assert stage.text(Lane.DEFAULT) == "b"
    assert all(isinstance(stage.phase(lane), Done) for lane in BOTH_LANES)


async def test_together_an_unfinished_default_lane_restarts_along(rehearse: Begin) -> None:
    gate = Gate()
    stage = await together(rehearse, speaking(gate))
    await stage.generate()
    gate.let(6)
    await settle()
    await stage.turn_and_wait(6.0)
    assert stage.engine.log == ["open 1 steered+default", "close 1 steered+default", "open 2 steered+default"]
    gate.open()
    await settle()
    assert stage.text(Lane.DEFAULT) == " the sea was calm and the night was long"


async def test_together_a_default_lane_that_ended_first_is_kept_while_the_steered_lane_restarts(
    rehearse: Begin,
) -> None:
    first: list[Step] = [token("a"), token("b", 0, Lane.DEFAULT), done(Lane.DEFAULT), Gate()]
    stage = await together(rehearse, playing(first, [token("c"), done()]))
    await stage.generate()
    assert stage.phase() == Streaming()
    await stage.turn_and_wait(6.0)
    assert stage.engine.requests[-1].lanes == (Lane.STEERED,)
    assert (stage.text(), stage.text(Lane.DEFAULT)) == ("c", "b")


async def test_together_an_edit_restarts_both_with_one_request(rehearse: Begin) -> None:
    stage = await together(rehearse)
    await stage.generate()
    stage.edit("Another one")
    await stage.pass_time(0.5)
    assert [request.lanes for request in stage.engine.requests] == [BOTH_LANES, BOTH_LANES]


async def test_together_ten_dial_moves_make_one_request(rehearse: Begin) -> None:
    stage = await together(rehearse, speaking(Gate()))
    await stage.generate()
    for step in range(10):
        stage.turn(5.0 + step / 2)
        await stage.pass_time(0.1)
    await stage.pass_time(0.5)
    assert len(stage.engine.requests) == 2
    assert stage.engine.most_open == 1


async def test_together_an_error_of_one_lane_lets_the_other_go_on(rehearse: Begin) -> None:
    gate = Gate()
    refused = ErrorEvent("No such feature.", "not_found", lane=Lane.STEERED)
    stage = await together(rehearse, playing([refused, gate, token("b", 0, Lane.DEFAULT), done(Lane.DEFAULT)]))
    await stage.generate()
    assert isinstance(stage.phase(), Failed)
    gate.open()
    await settle()
    assert stage.text(Lane.DEFAULT) == "b"
    assert isinstance(stage.phase(Lane.DEFAULT), Done)
    assert isinstance(stage.phase(), Failed)


async def test_together_a_failure_of_the_request_fails_the_lanes_that_have_not_ended(rehearse: Begin) -> None:
    stage = await together(rehearse, playing([token("b", 0, Lane.DEFAULT), done(Lane.DEFAULT), Rejected("No.")]))
    await stage.generate()
    assert isinstance(stage.phase(), Failed)
    assert isinstance(stage.phase(Lane.DEFAULT), Done)
    stage.controller.try_again()
    await settle()
    assert stage.engine.requests[-1].lanes == (Lane.STEERED,)


async def test_in_turn_the_steered_lane_goes_first_and_never_two_streams_are_open(rehearse: Begin) -> None:
    stage = await in_turn(rehearse)
    await stage.generate()
    assert stage.engine.log == ["open 1 steered", "close 1 steered", "open 2 default", "close 2 default"]
    assert stage.engine.most_open == 1


async def test_in_turn_a_dial_does_not_let_the_waiting_default_lane_slip_in_first(rehearse: Begin) -> None:
    stage = await in_turn(rehearse, speaking(Gate()))
    await stage.generate()
    await stage.turn_and_wait(6.0)
    await stage.turn_and_wait(7.0)
    assert [request.lanes for request in stage.engine.requests] == [(Lane.STEERED,)] * 3
    assert stage.engine.most_open == 1


async def test_in_turn_a_dial_waits_for_a_default_lane_that_already_streams(rehearse: Begin) -> None:
    gate = Gate()
    stage = await in_turn(rehearse, lambda request: speaking(None if Lane.STEERED in request.lanes else gate)(request))
    await stage.generate()
    assert stage.engine.open_streams == 1
    await stage.turn_and_wait(6.0)
    assert stage.phase() == Settling(stage.phase().rest)
    gate.open()
    await settle()
    assert stage.text().startswith(" winter+6 ")
    assert stage.text(Lane.DEFAULT) == " the sea was calm and the night was long"
    assert stage.engine.most_open == 1


async def test_in_turn_the_default_lane_has_its_turn_after_a_failure_of_the_steered_one(rehearse: Begin) -> None:
    plain: list[Step] = [token("b", 0, Lane.DEFAULT), done(Lane.DEFAULT)]
    stage = await in_turn(rehearse, playing([Rejected("No.")], plain))
    await stage.generate()
    assert isinstance(stage.phase(), Failed)
    assert stage.text(Lane.DEFAULT) == "b"


async def test_in_turn_esc_takes_the_waiting_lane_out_of_the_queue(rehearse: Begin) -> None:
    stage = await in_turn(rehearse, speaking(Gate()))
    await stage.generate()
    assert stage.phase(Lane.DEFAULT) == Connecting()
    stage.controller.cancel()
    await stage.pass_time(10.0)
    assert len(stage.engine.requests) == 1
    assert stage.engine.open_streams == 0


async def test_in_turn_an_edit_starts_again_with_the_steered_lane(rehearse: Begin) -> None:
    stage = await in_turn(rehearse, speaking(gate := Gate()))
    await stage.generate()
    stage.edit("Another one")
    await stage.pass_time(0.5)
    gate.open()
    await settle()
    assert stage.engine.most_open == 1
    assert [request.lanes[0] for request in stage.engine.requests] == [Lane.STEERED, Lane.STEERED, Lane.DEFAULT]


async def test_all_dials_off_still_gives_both_lanes_a_request(rehearse: Begin) -> None:
    stage = await rehearse(inputs=replace(START, dials=()))
    await stage.generate()
    assert stage.engine.asked(Lane.STEERED) == stage.engine.asked(Lane.DEFAULT) == 1
    assert stage.text() == stage.text(Lane.DEFAULT)


async def test_an_engine_that_learns_late_to_take_one_request_at_a_time_is_asked_so_from_then_on(
    rehearse: Begin,
) -> None:
    stage = await rehearse(speaking(gate := Gate()))
    await stage.generate()
    assert stage.engine.open_streams == 2
    stage.engine.info = replace(stage.engine.info, lanes=LanePolicy.ONE_AT_A_TIME)
    await stage.turn_and_wait(6.0)
    assert stage.engine.log[2:] == ["close 1 steered"], "the default lane has the server until it ends"
    gate.open()
    await settle()
    assert stage.engine.log[3:] == ["close 2 default", "open 3 steered", "close 3 steered"]
    assert stage.text().startswith(" winter+6 ")
    stage.edit("Another one")
    await stage.pass_time(0.5)
    assert stage.engine.log[6:] == ["open 4 steered", "close 4 steered", "open 5 default", "close 5 default"]


async def test_an_engine_that_learns_late_to_take_requests_at_once_is_asked_so_from_then_on(rehearse: Begin) -> None:
    stage = await in_turn(rehearse, speaking(gate := Gate()))
    await stage.generate()
    assert stage.engine.open_streams == 1
    stage.engine.info = replace(stage.engine.info, lanes=LanePolicy.PARALLEL)
    stage.edit("Another one")
    await stage.pass_time(0.5)
    assert stage.engine.open_streams == 2
    gate.open()
    await settle()
    assert all(isinstance(stage.phase(lane), Done) for lane in BOTH_LANES)
