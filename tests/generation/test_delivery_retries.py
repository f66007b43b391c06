"""What is asked again after a failure, how often, and after how long."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from delivering import Delivery
from scripted_engine import Script, ScriptedEngine, Step, done, playing, token, tokens

from steer_tui.domain import (
    BOTH_LANES,
    DoneEvent,
    ErrorEvent,
    Event,
    FinishReason,
    GenerationRequest,
    Lane,
    Malformed,
    NotFound,
    Overloaded,
    Rejected,
    RewindEvent,
    SteerError,
    TimedOut,
    TokenEvent,
    Truncated,
    Unauthorized,
    Unreachable,
    Unsupported,
)

WHOLE: list[Step] = [*tokens("the sea"), done()]


@pytest.mark.parametrize("kind", [Unreachable, Truncated, TimedOut, Overloaded])
async def test_a_passing_failure_is_retried_three_times_with_growing_waits(kind: type[SteerError]) -> None:
    delivery = Delivery(playing([kind("No luck.")]))
    error = await delivery.end()
    assert isinstance(error, kind)
    assert [(pause.attempt, pause.seconds) for pause in delivery.pauses] == [(1, 2.0), (2, 4.0), (3, 8.0)]
    assert len(delivery.engine.requests) == delivery.left == 4
    assert delivery.time.now == pytest.approx(1000.0 + 10_000.0)


@pytest.mark.parametrize("kind", [Unauthorized, Rejected, NotFound, Malformed, Unsupported])
async def test_any_other_failure_ends_it_at_once(kind: type[SteerError]) -> None:
    delivery = Delivery(playing([token("a"), kind("No.")]))
    assert isinstance(await delivery.end(0), kind)
    assert delivery.pauses == []
    assert delivery.engine.log == ["open 1 steered", "close 1 steered"]


async def test_the_time_that_the_other_side_names_wins() -> None:
    script = playing([Overloaded("Busy.", retry_after=30.0)], [Unreachable("Gone.")], WHOLE)
    delivery = Delivery(script)
    assert await delivery.end() is None
    assert delivery.waits == [30.0, 4.0]


async def test_a_stream_that_ends_without_done_is_truncated() -> None:
    delivery = Delivery(playing([token("a")]))
    assert isinstance(await delivery.end(), Truncated)
    assert [type(pause.error) for pause in delivery.pauses] == [Truncated] * 3


async def test_a_stream_that_ends_without_done_on_one_of_two_lanes_is_truncated() -> None:
    delivery = Delivery(playing([*WHOLE, token("b", 0, Lane.DEFAULT)]), lanes=BOTH_LANES)
    assert isinstance(await delivery.end(), Truncated)


async def test_after_a_restart_a_rewind_comes_before_the_new_tokens() -> None:
    delivery = Delivery(playing([token("lost"), Unreachable("Gone.")], WHOLE))
    assert await delivery.end() is None
    assert delivery.events == [
        token("lost"),
        RewindEvent(Lane.STEERED, 0),
        token("the", 0),
        token(" sea", 1),
        done(),
    ]


async def test_a_lane_that_had_nothing_yet_is_not_rewound() -> None:
    delivery = Delivery(playing([Unreachable("Gone.")], WHOLE))
    await delivery.end()
    assert delivery.events == WHOLE


async def test_a_rewind_is_owed_until_an_attempt_brings_something() -> None:
    lost: list[Step] = [Unreachable("Gone.")]
    delivery = Delivery(playing([token("a"), *lost], lost, WHOLE))
    await delivery.end()
    assert delivery.events[:3] == [token("a"), RewindEvent(Lane.STEERED, 0), token("the")]


async def test_an_engine_that_resumes_says_itself_what_still_holds() -> None:
    resumed: list[Step] = [RewindEvent(Lane.STEERED, 1), token("b", 1), done()]
    delivery = Delivery(playing([token("a"), Unreachable("Gone.")], resumed))
    await delivery.end()
    assert delivery.events == [token("a"), *resumed]


class ResumingEngine(ScriptedEngine):
    """Keeps account of which requests it was to go on with."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.resumed: list[GenerationRequest] = []
        self.given_up: list[GenerationRequest] = []

    def resume(self, lost: GenerationRequest, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        self.resumed.append(lost)
        return self.stream(request)

    def give_up(self, request: GenerationRequest) -> None:
        self.given_up.append(request)


async def test_an_engine_that_resumes_is_told_which_stream_was_lost() -> None:
    lost: list[Step] = [Unreachable("Gone.")]
    first: list[Step] = [token("a"), token("x", 0, Lane.DEFAULT), done(Lane.DEFAULT), *lost]
    resumed: list[Step] = [RewindEvent(Lane.STEERED, 1), token("b", 1), done()]
    engine = ResumingEngine(playing(first, lost, resumed))
    delivery = Delivery(playing([]), engine=engine, lanes=BOTH_LANES)
    assert await delivery.end() is None
    assert delivery.events == [*first[:3], *resumed]
    assert [request.lanes for request in engine.requests] == [BOTH_LANES, (Lane.STEERED,), (Lane.STEERED,)]
    assert len(engine.resumed) == 2
    assert all(told is asked for told, asked in zip(engine.resumed, engine.requests, strict=False))
    assert engine.given_up[0] is engine.requests[-1]


async def test_a_lost_stream_is_given_up_when_nobody_waits_for_the_next_attempt_any_longer() -> None:
    engine = ResumingEngine(playing([token("a"), Unreachable("Gone.")]))
    delivery = Delivery(playing([]), engine=engine)
    await delivery.pass_time(1.0)
    assert engine.given_up == []
    delivery.task.cancel()
    assert isinstance(await delivery.end(), asyncio.CancelledError)
    assert [one is engine.requests[0] for one in engine.given_up] == [True]


async def test_a_lane_that_has_ended_is_not_asked_for_again() -> None:
    first: list[Step] = [token("a"), token("b", 0, Lane.DEFAULT), done(Lane.DEFAULT), Unreachable("Gone.")]
    delivery = Delivery(playing(first, WHOLE), lanes=BOTH_LANES)
    assert await delivery.end() is None
    assert [request.lanes for request in delivery.engine.requests] == [BOTH_LANES, (Lane.STEERED,)]
    assert RewindEvent(Lane.DEFAULT, 0) not in delivery.events


async def test_what_comes_for_a_lane_that_was_not_asked_for_is_ignored() -> None:
    late: list[Step] = [
        token("x", 0, Lane.DEFAULT),
        ErrorEvent("No default.", "rejected", lane=Lane.DEFAULT),
        DoneEvent(Lane.DEFAULT, FinishReason.COMPLETE),
    ]
    delivery = Delivery(playing([*late, *WHOLE, token("more", 2)]))
    assert await delivery.end() is None
    assert delivery.events == WHOLE


@pytest.mark.parametrize(
    ("code", "kind"), [("rejected", Rejected), ("not_found", NotFound), ("surprise", Malformed), ("", Malformed)]
)
async def test_an_error_event_becomes_its_error(code: str, kind: type[SteerError]) -> None:
    delivery = Delivery(playing([ErrorEvent("The words.", code)]))
    error = await delivery.end(0)
    assert isinstance(error, kind)
    assert error.message == "The words."


async def test_an_error_event_that_will_pass_is_retried_when_it_says() -> None:
    delivery = Delivery(playing([ErrorEvent("Busy.", "overloaded", 7.0)], WHOLE))
    assert await delivery.end() is None
    assert delivery.waits == [7.0]


async def test_an_error_of_one_lane_leaves_the_other_lane_of_the_request_running() -> None:
    refused = ErrorEvent("No such feature.", "not_found", lane=Lane.STEERED)
    rest: list[Step] = [token("a", 0, Lane.DEFAULT), done(Lane.DEFAULT)]
    delivery = Delivery(playing([refused, *rest]), lanes=BOTH_LANES)
    assert await delivery.end(0) is None
    assert delivery.events == [refused, *rest]


async def test_the_error_of_the_last_open_lane_ends_the_request() -> None:
    script = playing([*WHOLE, ErrorEvent("No.", "rejected", lane=Lane.DEFAULT)])
    assert isinstance(await Delivery(script, lanes=BOTH_LANES).end(0), Rejected)


async def test_a_sink_that_finds_an_event_impossible_ends_the_request() -> None:
    delivery = Delivery(playing(WHOLE))

    def refuse(event: object) -> None:
        raise Malformed(f"{event} cannot be.")

    delivery.events = type("Refusing", (list,), {"append": lambda _, event: refuse(event)})()
    assert isinstance(await delivery.end(0), Malformed)
    assert delivery.engine.open_streams == 0


async def test_a_good_stream_brings_every_event_in_order() -> None:
    events: list[Step] = [TokenEvent(str(index), index, Lane.STEERED) for index in range(50)]
    delivery = Delivery(playing([*events, done()]))
    assert await delivery.end(0) is None
    assert delivery.events == [*events, done()]
