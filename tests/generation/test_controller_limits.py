"""What a rate limit keeps back, what may change while it lasts, and how a person goes around it."""

from collections.abc import Awaitable, Callable

from fake_time import settle
from rehearsal import Rehearsal
from scripted_engine import Step, done, playing, token

from steer_tui.domain import Lane
from steer_tui.domain import RateLimited as Limit
from steer_tui.engines import LanePolicy
from steer_tui.generation import Cancelled, Connecting, Done, Idle, RateLimited, Settling

Begin = Callable[..., Awaitable[Rehearsal]]

WHOLE: list[Step] = [token("a"), done(), token("b", 0, Lane.DEFAULT), done(Lane.DEFAULT)]


def limited(retry_after: float | None = 30.0) -> list[Step]:
    return [Limit("Too many requests.", retry_after=retry_after)]


async def begin_limited(rehearse: Begin, *later: list[Step], **options: object) -> Rehearsal:
    """A steered lane that waits 30 s for a limit beside a default lane that is done."""
    default: list[Step] = [token("b", 0, Lane.DEFAULT), done(Lane.DEFAULT)]
    stage = await rehearse(playing(limited(), default, *(later or [WHOLE])), **options)
    await stage.generate()
    assert isinstance(stage.phase(), RateLimited)
    assert isinstance(stage.phase(Lane.DEFAULT), Done)
    return stage


def until(stage: Rehearsal) -> float:
    phase = stage.phase()
    assert isinstance(phase, RateLimited)
    return phase.until - 1000.0


async def test_the_countdown_ends_when_the_limit_does_and_the_request_leaves(rehearse: Begin) -> None:
    stage = await begin_limited(rehearse)
    assert until(stage) == 30.0
    await stage.pass_time(29.9)
    assert len(stage.engine.requests) == 2
    await stage.pass_time(0.1)
    assert isinstance(stage.phase(), Done)
    assert stage.engine.asked(Lane.STEERED) == 2


async def test_a_dial_replaces_the_waiting_request_and_the_countdown_stays(rehearse: Begin) -> None:
    stage = await begin_limited(rehearse)
    for value in (5.0, 6.0, 7.0):
        await stage.pass_time(5.0)
        stage.turn(value)
        assert until(stage) == 30.0
    await stage.pass_time(14.9)
    assert len(stage.engine.requests) == 2
    await stage.pass_time(0.1)
    assert len(stage.engine.requests) == 3
    assert stage.engine.requests[-1].vector.dials[0].value == 7.0
    assert isinstance(stage.phase(), Done)


async def test_with_auto_off_too_a_dial_replaces_the_waiting_request(rehearse: Begin) -> None:
    stage = await begin_limited(rehearse, auto=False)
    stage.turn(7.0)
    assert until(stage) == 30.0
    await stage.pass_time(30.0)
    assert [request.vector.dials[0].value for request in stage.engine.requests if Lane.STEERED in request.lanes] == [
        4,
        7,
    ]


async def test_an_edit_replaces_it_too_and_the_other_lane_waits_along(rehearse: Begin) -> None:
    stage = await begin_limited(rehearse)
    stage.edit("Another one")
    assert isinstance(stage.phase(Lane.DEFAULT), RateLimited)
    await stage.pass_time(29.9)
    assert len(stage.engine.requests) == 2
    await stage.pass_time(0.1)
    assert {request.prompt for request in stage.engine.requests[2:]} == {"Another one"}
    assert len(stage.engine.requests) == 4


async def test_an_edit_with_auto_off_replaces_only_what_waits(rehearse: Begin) -> None:
    stage = await begin_limited(rehearse, auto=False)
    stage.edit("Another one")
    await stage.pass_time(60.0)
    assert [request.prompt for request in stage.engine.requests] == ["Once upon a time"] * 2 + ["Another one"]
    assert stage.controller.is_stale(Lane.DEFAULT)


async def test_now_sends_at_once(rehearse: Begin) -> None:
    stage = await begin_limited(rehearse)
    stage.turn(7.0)
    stage.controller.ask_now()
    await settle()
    assert len(stage.engine.requests) == 3
    assert stage.engine.requests[-1].vector.dials[0].value == 7.0
    await stage.pass_time(60.0)
    assert len(stage.engine.requests) == 3


async def test_now_into_a_limit_that_still_holds_waits_anew(rehearse: Begin) -> None:
    stage = await begin_limited(rehearse, limited(20.0), WHOLE)
    stage.controller.ask_now()
    await settle()
    assert until(stage) == 20.0
    await stage.pass_time(20.0)
    assert isinstance(stage.phase(), Done)


async def test_now_with_nothing_waiting_does_nothing(rehearse: Begin) -> None:
    stage = await rehearse()
    stage.controller.ask_now()
    await settle()
    assert stage.phase() == Idle()
    await stage.generate()
    stage.controller.ask_now()
    await settle()
    assert len(stage.engine.requests) == 2


async def test_cancel_and_enter_within_the_limit_wait_out_the_rest(rehearse: Begin) -> None:
    stage = await begin_limited(rehearse)
    await stage.pass_time(10.0)
    stage.controller.cancel()
    assert stage.phase() == Cancelled()
    await stage.generate()
    assert until(stage) == 30.0
    await stage.pass_time(19.9)
    assert len(stage.engine.requests) == 2
    await stage.pass_time(0.1)
    assert isinstance(stage.phase(), Done)


async def test_after_the_limit_a_dial_is_waited_out_as_ever(rehearse: Begin) -> None:
    stage = await begin_limited(rehearse)
    await stage.pass_time(30.0)
    stage.turn(7.0)
    assert isinstance(stage.phase(), Settling)


async def test_a_debounce_that_ends_within_a_limit_of_the_other_lane_waits_for_it(rehearse: Begin) -> None:
    default: list[Step] = [0.3, *limited()]
    stage = await rehearse(playing([token("a"), done()], default, WHOLE))
    await stage.generate()
    stage.turn(7.0)
    await stage.pass_time(0.5)
    assert isinstance(stage.phase(), RateLimited)
    assert len(stage.engine.requests) == 2
    await stage.pass_time(30.0)
    assert isinstance(stage.phase(), Done)


async def test_both_lanes_refused_by_one_limit_leave_again_together(rehearse: Begin) -> None:
    stage = await rehearse(playing(limited(None), limited(None), WHOLE))
    await stage.generate()
    assert until(stage) == 60.0
    await stage.pass_time(60.0)
    assert isinstance(stage.phase(), Done)
    assert isinstance(stage.phase(Lane.DEFAULT), Done)


async def test_limits_that_name_no_time_grow_and_the_screen_sees_each_end(rehearse: Begin) -> None:
    stage = await rehearse(playing(limited(None), limited(None), WHOLE), lanes=LanePolicy.TOGETHER)
    await stage.generate()
    assert until(stage) == 60.0
    await stage.pass_time(60.0)
    assert until(stage) == 180.0
    await stage.pass_time(120.0)
    assert isinstance(stage.phase(), Done)


async def test_an_empty_prompt_drops_the_waiting_request(rehearse: Begin) -> None:
    stage = await begin_limited(rehearse, auto=False)
    stage.edit("")
    assert stage.phase() == Cancelled()
    await stage.pass_time(60.0)
    assert len(stage.engine.requests) == 2


async def test_a_waiting_text_is_still_that_of_the_run_before(rehearse: Begin) -> None:
    first: list[Step] = [token("old"), done()]
    default: list[Step] = [token("b", 0, Lane.DEFAULT), done(Lane.DEFAULT)]
    stage = await rehearse(playing(first, default, limited(), WHOLE))
    await stage.generate()
    await stage.turn_and_wait(7.0)
    assert isinstance(stage.phase(), RateLimited)
    assert stage.text() == "old"
    assert stage.controller.is_stale(Lane.STEERED)
    stage.controller.ask_now()
    assert stage.phase() == Connecting()
