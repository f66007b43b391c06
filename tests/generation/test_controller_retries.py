"""Lost connections, failures, and what one lane's trouble means for the other."""

from collections.abc import Awaitable, Callable

import pytest
from fake_time import settle
from rehearsal import Rehearsal
from scripted_engine import Gate, Step, done, playing, token, tokens

from steer_tui.domain import GenerationRequest, Lane, Malformed, Rejected, SteerError, Unreachable
from steer_tui.engines import LanePolicy
from steer_tui.generation import Cancelled, Connecting, Done, Failed, Retrying, Settling, Streaming

Begin = Callable[..., Awaitable[Rehearsal]]

DEFAULT: list[Step] = [*tokens("plain words", Lane.DEFAULT), done(Lane.DEFAULT)]


def steered(*scripts: list[Step]) -> Callable[[GenerationRequest], list[Step]]:
    """These scripts for the steered lane, one a request, beside a default lane that goes well."""
    play = playing(*scripts)
    return lambda request: list(play(request)) if Lane.STEERED in request.lanes else DEFAULT  # type: ignore[arg-type]


LOST: list[Step] = [token("lost"), Unreachable("Gone.")]
WHOLE: list[Step] = [*tokens("whole text"), done()]


async def test_a_lost_connection_is_counted_shown_and_asked_again(rehearse: Begin) -> None:
    stage = await rehearse(steered(LOST, LOST, LOST, WHOLE))
    await stage.generate()
    now = 1000.0
    for attempt, seconds in [(1, 2.0), (2, 4.0), (3, 8.0)]:
        now += seconds
        phase = stage.phase()
        assert isinstance(phase, Retrying)
        assert (phase.attempt, phase.until) == (attempt, now)
        assert stage.text() == "lost"
        await stage.pass_time(seconds)
    assert isinstance(stage.phase(), Done)
    assert stage.text() == "whole text"


async def wait_for_retry(stage: Rehearsal, says_now: bool) -> None:
    """Let the wait end by itself, or by the person."""
    if says_now:
        stage.controller.ask_now()
        stage.controller.ask_now()
    await stage.pass_time(0.0 if says_now else 2.0)


@pytest.mark.parametrize("says_now", [False, True])
async def test_a_text_that_repeats_itself_goes_on_behind_what_is_shown(rehearse: Begin, says_now: bool) -> None:
    gate = Gate()
    whole = [*tokens("whole text"), gate, *tokens("goes on", start=2), done()]
    stage = await rehearse(steered([*tokens("whole text"), Unreachable("Gone.")], whole))
    await stage.generate()
    await wait_for_retry(stage, says_now)
    lane = stage.controller.state.lanes[Lane.STEERED]
    assert stage.phase() == Connecting(), "it has said nothing new yet"
    assert stage.text() == "whole text"
    gate.open()
    await settle()
    assert (stage.text(), lane.transcript.rewinds, lane.came_otherwise) == ("whole text goes on", [], False)
    assert isinstance(stage.phase(), Done)


@pytest.mark.parametrize("says_now", [False, True])
async def test_a_text_that_came_otherwise_after_a_loss_says_so_until_the_next_run(
    rehearse: Begin, says_now: bool
) -> None:
    stage = await rehearse(steered([*tokens("whole sea"), Unreachable("Gone.")], WHOLE))
    await stage.generate()
    await wait_for_retry(stage, says_now)
    lanes = stage.controller.state.lanes
    assert stage.text() == "whole text"
    assert (lanes[Lane.STEERED].came_otherwise, lanes[Lane.DEFAULT].came_otherwise) == (True, False)
    assert lanes[Lane.STEERED].transcript.rewinds == [1]
    await stage.generate()
    assert not lanes[Lane.STEERED].came_otherwise


async def test_after_three_retries_the_lane_has_failed_and_its_text_stays(rehearse: Begin) -> None:
    stage = await rehearse(steered(LOST))
    await stage.generate()
    await stage.pass_time(14.0)
    phase = stage.phase()
    assert isinstance(phase, Failed)
    assert isinstance(phase.error, Unreachable)
    assert stage.controller.state.lanes[Lane.STEERED].error is phase.error
    assert stage.text() == "lost"


async def test_a_dial_in_retrying_makes_the_count_start_anew(rehearse: Begin) -> None:
    stage = await rehearse(steered(LOST))
    await stage.generate()
    await stage.pass_time(2.0)
    phase = stage.phase()
    assert isinstance(phase, Retrying)
    assert phase.attempt == 2
    stage.turn(6.0)
    assert isinstance(stage.phase(), Settling)
    await stage.pass_time(0.5)
    phase = stage.phase()
    assert isinstance(phase, Retrying)
    assert phase.attempt == 1
    assert stage.engine.requests[-1].vector.dials[0].value == 6.0


async def test_with_auto_off_a_dial_leaves_a_retry_as_it_is(rehearse: Begin) -> None:
    stage = await rehearse(steered(LOST), auto=False)
    await stage.generate()
    stage.turn(6.0)
    assert isinstance(stage.phase(), Retrying)
    await stage.pass_time(2.0)
    assert stage.engine.requests[-1].vector.dials[0].value == 4.0


async def test_now_sends_a_retry_at_once(rehearse: Begin) -> None:
    stage = await rehearse(steered(LOST, WHOLE))
    await stage.generate()
    stage.controller.ask_now()
    assert stage.phase() == Connecting()
    await settle()
    assert stage.text() == "whole text"
    assert (stage.engine.asked(Lane.STEERED), stage.engine.asked(Lane.DEFAULT)) == (2, 1)
    await stage.pass_time(60.0)
    assert stage.engine.asked(Lane.STEERED) == 2


async def test_now_lets_the_count_go_on(rehearse: Begin) -> None:
    stage = await rehearse(steered(LOST))
    await stage.generate()
    for attempt in (1, 2, 3):
        phase = stage.phase()
        assert isinstance(phase, Retrying)
        assert phase.attempt == attempt
        stage.controller.ask_now()
        await settle()
    assert isinstance(stage.phase(), Failed)


async def test_esc_right_after_now_cancels(rehearse: Begin) -> None:
    stage = await rehearse(steered(LOST))
    await stage.generate()
    stage.controller.ask_now()
    stage.controller.cancel()
    await stage.pass_time(60.0)
    assert stage.phase() == Cancelled()
    assert (stage.text(), stage.engine.asked(Lane.STEERED), stage.engine.open_streams) == ("lost", 1, 0)


async def test_now_rejoins_both_lanes_that_share_a_request(rehearse: Begin) -> None:
    lost: list[Step] = [token("a"), token("x", 0, Lane.DEFAULT), Unreachable("Gone.")]
    again: list[Step] = [token("a"), token("y", 0, Lane.DEFAULT), done(), done(Lane.DEFAULT)]
    stage = await rehearse(playing(lost, again), lanes=LanePolicy.TOGETHER)
    await stage.generate()
    stage.controller.ask_now()
    await settle()
    lanes = stage.controller.state.lanes
    assert (stage.text(), stage.text(Lane.DEFAULT)) == ("a", "y")
    assert [lane.transcript.rewinds for lane in lanes.values()] == [[], [0]]
    assert [lane.came_otherwise for lane in lanes.values()] == [False, True]


@pytest.mark.parametrize("error", [Unreachable("Gone."), Rejected("No.")])
async def test_one_lanes_failure_never_stops_the_other(rehearse: Begin, error: SteerError) -> None:
    gate = Gate()
    default: list[Step] = [token("a", 0, Lane.DEFAULT), gate, token("b", 1, Lane.DEFAULT), done(Lane.DEFAULT)]
    play = steered([error])
    stage = await rehearse(lambda request: play(request) if Lane.STEERED in request.lanes else default)
    await stage.generate()
    await stage.pass_time(60.0)
    assert isinstance(stage.phase(), Failed)
    assert stage.phase(Lane.DEFAULT) == Streaming()
    gate.open()
    await settle()
    assert stage.text(Lane.DEFAULT) == "ab"
    assert isinstance(stage.phase(Lane.DEFAULT), Done)


async def test_try_again_starts_only_the_lanes_that_have_failed(rehearse: Begin) -> None:
    stage = await rehearse(steered([Rejected("No.")], WHOLE))
    await stage.generate()
    stage.controller.try_again()
    assert stage.phase() == Connecting()
    await settle()
    assert stage.text() == "whole text"
    assert (stage.engine.asked(Lane.STEERED), stage.engine.asked(Lane.DEFAULT)) == (2, 1)


async def test_try_again_takes_what_is_set_now(rehearse: Begin) -> None:
    stage = await rehearse(steered([Rejected("No.")], WHOLE), auto=False)
    await stage.generate()
    stage.turn(6.0)
    stage.controller.try_again()
    await settle()
    assert stage.engine.requests[-1].vector.dials[0].value == 6.0
    assert not stage.controller.is_stale(Lane.STEERED)


async def test_try_again_with_no_failure_starts_nothing(rehearse: Begin) -> None:
    stage = await rehearse()
    stage.controller.try_again()
    await stage.generate()
    stage.controller.try_again()
    await stage.pass_time(1.0)
    assert len(stage.engine.requests) == 2


async def test_a_dial_after_a_failure_starts_the_lane_again(rehearse: Begin) -> None:
    stage = await rehearse(steered([Rejected("No.")], WHOLE))
    await stage.generate()
    await stage.turn_and_wait(6.0)
    assert isinstance(stage.phase(), Done)


async def test_a_token_out_of_order_fails_the_lane_as_malformed(rehearse: Begin) -> None:
    stage = await rehearse(steered([token("a", 0), token("c", 2), done()]))
    await stage.generate()
    phase = stage.phase()
    assert isinstance(phase, Failed)
    assert isinstance(phase.error, Malformed)
    assert stage.engine.open_streams == 0


async def test_a_retry_counts_its_times_from_its_own_start(rehearse: Begin) -> None:
    slow: list[Step] = [3.0, token("a"), 1.0, token("b", 1), 1.0, token("c", 2), done()]
    stage = await rehearse(steered([1.0, *LOST], slow))
    await stage.generate()
    await stage.pass_time(60.0)
    lane = stage.controller.state.lanes[Lane.STEERED]
    assert lane.seconds_to_first_token == 3.0
    assert lane.tokens_per_second == 1.0
