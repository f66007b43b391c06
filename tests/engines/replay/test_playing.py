"""A recording plays at its own times, gives what was recorded, and says of everything else that it is a recording."""

import asyncio
from dataclasses import replace

import pytest
from fake_time import FakeTime, settle
from recorded import RUN, at, read, recording, request, word
from scripted_engine import FEATURES, done

from steer_tui.domain import (
    ErrorEvent,
    Lane,
    Method,
    Sampling,
    SteerError,
    SteeringVector,
    Truncated,
    Unsupported,
)
from steer_tui.engines import EngineInfo, LanePolicy
from steer_tui.engines.replay import Replay

STEERED, DEFAULT = Lane.STEERED, Lane.DEFAULT

TOGETHER = recording(
    at(0.5, word("a", 0)),
    at(0.5, read(1.5, 0)),
    at(1.0, word("x", 0, DEFAULT)),
    at(2.5, word("b", 1)),
    at(2.5, done()),
    at(4.0, word("y", 1, DEFAULT)),
    at(4.0, done(DEFAULT)),
)

IN_TURN = recording(at(1.0, word("a", 0)), at(2.0, done()), at(5.0, word("x", 0, DEFAULT)), at(6.0, done(DEFAULT)))


class Playing:
    """A stream of a recording, with the moment at which each event came."""

    def __init__(self, of, asked=None, speed=1.0):
        self.time = FakeTime()
        self.engine = Replay(of, speed=speed, clock=self.time.clock, sleep=self.time.sleep)
        self.came = []
        self.error = None
        self._began = self.time.now
        self._task = asyncio.create_task(self._play(asked or request()))

    async def _play(self, asked):
        try:
            async for event in self.engine.stream(asked):
                self.came.append((round(self.time.now - self._began, 6), event))
        except SteerError as error:
            self.error = error

    async def end(self, seconds=1000.0):
        await self.time.advance(seconds)
        await settle()
        assert self._task.done()
        return self


def as_recorded(of, speed=1.0, shift=0.0, lanes=(STEERED, DEFAULT)):
    return [(round((one.at - shift) / speed, 6), one.event) for one in of.events if one.event.lane in (None, *lanes)]


@pytest.mark.parametrize("of", [TOGETHER, IN_TURN], ids=["together", "in turn"])
@pytest.mark.parametrize("speed", [1.0, 2.0, 0.25, 1000.0])
async def test_both_lanes_come_at_the_recorded_times_and_the_speed_divides_them(of, speed):
    playing = await Playing(of, speed=speed).end()
    assert (playing.came, playing.error) == (as_recorded(of, speed), None)


async def test_at_speed_0_nothing_is_waited_for():
    playing = await Playing(IN_TURN, speed=0.0).end(0.0)
    assert playing.came == [(0.0, one.event) for one in IN_TURN.events]


async def test_who_reads_late_gets_what_is_due_at_once_and_the_rest_on_time():
    time = FakeTime()
    stream = Replay(TOGETHER, clock=time.clock, sleep=time.sleep).stream(request())
    asked = asyncio.ensure_future(anext(stream))
    await time.advance(2.0)
    assert await asked == word("a", 0)
    assert [await anext(stream), await anext(stream)] == [read(1.5, 0), word("x", 0, DEFAULT)]
    asked = asyncio.ensure_future(anext(stream))
    await time.advance(0.4)
    assert not asked.done()
    await time.advance(0.1)
    assert await asked == word("b", 1)
    await stream.aclose()


async def test_one_lane_can_be_played_alone_at_its_times():
    for lane in Lane:
        playing = await Playing(TOGETHER, request(lanes=(lane,))).end()
        assert playing.came == as_recorded(TOGETHER, lanes=(lane,))


async def test_a_lane_that_came_behind_the_other_begins_with_its_own_beginning_where_it_is_played_alone():
    playing = await Playing(IN_TURN, request(lanes=(DEFAULT,)), speed=2.0).end()
    assert playing.came == as_recorded(IN_TURN, speed=2.0, shift=2.0, lanes=(DEFAULT,))


async def test_it_plays_as_often_as_it_is_asked():
    engine = Replay(TOGETHER, speed=0)
    first, second = [[event async for event in engine.stream(request())] for _ in range(2)]
    assert first == second == [one.event for one in TOGETHER.events]


async def test_what_was_recorded_is_what_it_is_and_offers():
    engine = Replay(recording(method=Method.ABLATE))
    assert engine.info == EngineInfo("recording of scripted", "stories-0M", (Method.ABLATE,), LanePolicy.PARALLEL)
    assert await engine.find_features("") == list(FEATURES[:2])
    assert await engine.find_features("", 1) == [FEATURES[0]]
    assert await engine.find_features(" SEA ") == [FEATURES[1]]
    assert await engine.find_features("scripted/1/0") == [FEATURES[0]]
    assert await engine.find_features("dragon") == []
    await engine.aclose()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt": "Once upon a time "}, "another prompt"),
        ({"sampling": replace(RUN.sampling, seed=4)}, "another seed or other sampling"),
        ({"sampling": Sampling()}, "another seed or other sampling"),
        ({"chat": True}, "the prompt as a chat message"),
        ({"vector": SteeringVector()}, "other dials"),
        ({"vector": SteeringVector((RUN.dials[0].turned_to(4.5),))}, "other dials"),
        ({"vector": SteeringVector((RUN.dials[0], RUN.dials[1].turned_to(1)))}, "other dials"),
        ({"vector": SteeringVector(RUN.request.vector.dials, Method.ORTHOGONAL)}, "other dials"),
    ],
)
async def test_what_was_not_recorded_is_refused_at_once_with_the_reason(changes, words):
    playing = await Playing(TOGETHER, request(**changes)).end(0.0)
    assert playing.came == []
    assert isinstance(playing.error, Unsupported)
    assert playing.error.message == f"This is a recording, and it holds no text for {words}."
    assert "Undo the change" in playing.error.hint


async def test_the_dials_are_nothing_to_the_default_text():
    asked = request(vector=SteeringVector(), lanes=(DEFAULT,))
    assert (await Playing(TOGETHER, asked).end()).came == as_recorded(TOGETHER, lanes=(DEFAULT,))


async def test_a_method_is_nothing_where_no_dial_is_on():
    off = recording(
        at(1.0, done()), at(1.0, done(DEFAULT)), dials=(replace(RUN.dials[0], muted=True),), method=Method.ABLATE
    )
    assert (await Playing(off, request(vector=SteeringVector())).end()).error is None


async def test_a_lane_that_was_not_recorded_says_so_once_the_other_has_been_played():
    alone = recording(at(1.0, word("a", 0)), at(3.0, done()), lanes=(STEERED,))
    playing = Playing(alone, request(lanes=(DEFAULT,)))
    await playing.time.advance(2.9)
    assert playing.error is None
    await playing.end()
    assert str(playing.error) == "This is a recording, and it holds no default text."
    both = await Playing(alone).end()
    assert both.came == as_recorded(alone)
    assert isinstance(both.error, Unsupported)


async def test_a_recording_that_was_broken_off_ends_in_an_error_that_is_not_asked_again():
    cut = recording(at(1.0, word("a", 0)), note="It was cut.")
    playing = await Playing(cut).end()
    assert playing.came == as_recorded(cut)
    assert isinstance(playing.error, Truncated)
    assert (playing.error.passing, playing.error.code) == (False, "truncated")
    assert playing.error.hint == "It was cut."


async def test_an_empty_recording_is_one_that_was_broken_off():
    playing = await Playing(recording()).end(0.0)
    assert (playing.came, str(playing.error)) == ([], "The recording ends before the text does.")


async def test_a_recorded_error_comes_as_it_came_and_ends_its_lane_or_both():
    one = recording(at(1.0, ErrorEvent("No.", "rejected", None, STEERED)), at(2.0, done(DEFAULT)))
    assert (await Playing(one).end()).came == as_recorded(one)
    both = recording(at(1.0, word("a", 0)), at(2.0, ErrorEvent("Too many.", "rate_limited", 12)))
    for lanes in [(STEERED,), (DEFAULT,), (STEERED, DEFAULT)]:
        playing = await Playing(both, request(lanes=lanes)).end()
        assert (playing.came, playing.error) == (as_recorded(both, lanes=lanes), None)


async def test_what_goes_on_by_itself_after_an_error_meets_the_end_and_after_that_it_plays_anew():
    error = ErrorEvent("It went wrong.", "unreachable", 1, STEERED)
    engine = Replay(recording(at(1.0, word("a", 0)), at(1.0, error), at(1.0, done(DEFAULT))), speed=0)
    lost, left = request(lanes=(STEERED,)), request(lanes=(STEERED,))
    first = [event async for event in engine.stream(lost)]
    for _ in range(2):
        with pytest.raises(Truncated, match="It went wrong") as caught:
            await anext(engine.resume(lost, left))
        assert not caught.value.passing
        assert "plays it anew" in caught.value.hint
    assert [event async for event in engine.stream(left)] == first


async def test_after_an_error_that_nobody_asks_again_it_plays_anew_at_once():
    engine = Replay(recording(at(0.0, ErrorEvent("No.", "rejected"))), speed=0)
    for _ in range(2):
        assert [event async for event in engine.stream(request())] == [ErrorEvent("No.", "rejected")]
