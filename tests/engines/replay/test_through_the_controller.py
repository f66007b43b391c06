"""What was recorded looks on the screen as it did: the state that a recording leads to is that of the run itself."""

from dataclasses import replace
from pathlib import Path

import pytest
from engines.builtin.tiny import write_weights
from fake_time import FakeTime
from recorded import RUN, at, record, recording, word
from rehearsal import Rehearsal
from scripted_engine import done

from steer_tui.domain import BOTH_LANES, Dial, ErrorEvent, Lane, Sampling
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.engines.replay import RecordedRun, Replay
from steer_tui.generation import Controller, Deadlines, Done, Failed, GenerationState, Inputs, RateLimited, Streaming
from steer_tui.generation.recording import read_recording

INPUTS = Inputs(RUN.prompt, RUN.sampling, RUN.dials, RUN.method, chat=RUN.chat)


class Played(Rehearsal):
    """A controller that plays a recording."""

    def __init__(self, of, speed=1.0):
        self.time = FakeTime()
        self.engine = Replay(of, speed=speed, clock=self.time.clock, sleep=self.time.sleep)
        run = of.run
        self.controller = Controller(
            self.engine,
            Inputs(run.prompt, run.sampling, run.dials, run.method, chat=run.chat),
            auto=False,
            deadlines=Deadlines(None, None, None),
            clock=self.time.clock,
            sleep=self.time.sleep,
        )
        self._task = None


@pytest.fixture
async def play():
    begun = []

    async def begin(of, speed=1.0):
        begun.append(Played(of, speed))
        await begun[-1].begin()
        await begun[-1].generate()
        return begun[-1]

    yield begin
    for played in begun:
        await played.end()


@pytest.mark.parametrize("lanes", [BOTH_LANES, (Lane.DEFAULT,)])
async def test_a_recording_of_the_embedded_engine_leads_to_the_same_transcript(tmp_path: Path, play, lanes):
    engine = BuiltinEngine(write_weights(tmp_path))
    features = (await engine.find_features(""))[:2]
    run = RecordedRun(
        engine.info.name,
        engine.info.model,
        "The sea",
        Sampling(temperature=0.8, max_tokens=30),
        (Dial(features[0], 6.0), Dial(features[1])),
        RUN.method,
        False,
        lanes,
    )
    events = await record(tmp_path / "run.jsonl", engine, run)
    await engine.aclose()
    original = GenerationState()
    for lane in lanes:
        original.start(lane, 1, INPUTS.of_lane(lane), 0.0, None)
    for event in events:
        original.apply(event, 1, 0.0)
    found = read_recording(tmp_path / "run.jsonl")
    assert found.run == run
    played = await play(found)
    await played.pass_time(found.length + 1)
    for lane in lanes:
        ours, theirs = played.controller.state.lanes[lane], original.lanes[lane]
        assert ours.phase == theirs.phase
        assert isinstance(ours.phase, Done)
        assert ours.transcript.tokens == theirs.transcript.tokens
        assert ours.transcript.activations.keys() == theirs.transcript.activations.keys() != set()
        for id, values in theirs.transcript.activations.items():
            assert ours.transcript.activations[id] == pytest.approx(values, abs=1e-4)


async def test_a_silence_of_an_hour_is_waited_out(play):
    played = await play(recording(at(1.0, word("a", 0)), at(3600.0, done()), at(3600.0, done(Lane.DEFAULT))))
    await played.pass_time(3599.0)
    assert isinstance(played.phase(), Streaming)
    await played.pass_time(2.0)
    assert isinstance(played.phase(), Done)
    assert played.text() == "a"


async def test_a_turned_dial_is_told_to_be_none_of_the_recording_and_turned_back_it_plays(play):
    played = await play(recording(at(1.0, word("a", 0)), at(1.0, done()), at(1.0, done(Lane.DEFAULT))))
    await played.pass_time(2.0)
    played.turn(5.0)
    assert played.text() == "a"
    await played.generate()
    assert isinstance(played.phase(), Failed)
    assert "other dials" in played.phase().error.message
    assert isinstance(played.phase(Lane.DEFAULT), Done)
    played.turn(4.0)
    await played.generate()
    await played.pass_time(2.0)
    assert isinstance(played.phase(), Done)


async def test_a_recorded_rate_limit_counts_down_once_and_then_the_recording_is_over(play):
    limit = ErrorEvent("Too many.", "rate_limited", 12, Lane.STEERED)
    played = await play(recording(at(1.0, word("a", 0)), at(2.0, limit), at(2.0, done(Lane.DEFAULT))))
    await played.pass_time(3.0)
    assert isinstance(played.phase(), RateLimited)
    assert played.phase().until == 1000.0 + 14.0
    await played.pass_time(12.0)
    assert isinstance(played.phase(), Failed)
    assert (played.phase().error.message, played.text()) == ("Too many.", "a")
    await played.generate()
    await played.pass_time(1.5)
    assert isinstance(played.phase(), Streaming)


async def test_a_recorded_rate_limit_that_nobody_waits_out_plays_anew_when_it_is_over(play):
    limit = ErrorEvent("Too many.", "rate_limited", 12, Lane.STEERED)
    played = await play(recording(at(1.0, word("a", 0)), at(2.0, limit), at(2.0, done(Lane.DEFAULT))))
    await played.pass_time(3.0)
    assert isinstance(played.phase(), RateLimited)
    played.controller.cancel()
    await played.generate()
    await played.pass_time(12.5)
    assert isinstance(played.phase(), Streaming)


async def test_a_recording_that_was_broken_off_fails_with_its_text_so_far(play):
    played = await play(recording(at(1.0, word("a", 0))))
    await played.pass_time(1.5)
    assert isinstance(played.phase(), Failed)
    assert played.text() == "a"


async def test_a_recorded_error_fails_with_its_text_so_far_as_it_was(play):
    played = await play(recording(at(1.0, word("a", 0)), at(2.0, ErrorEvent("No\x1b[2J more.", "rejected"))))
    await played.pass_time(3.0)
    assert isinstance(played.phase(), Failed)
    assert (played.phase().error.message, played.text()) == ("No\x1b[2J more.", "a")


async def test_nonsense_in_a_recording_is_the_failure_of_its_lane(play):
    played = await play(recording(at(1.0, word("a", 7)), at(1.0, done()), at(1.0, done(Lane.DEFAULT))))
    await played.pass_time(2.0)
    assert isinstance(played.phase(), Failed)
    assert "Token number 7" in played.phase().error.message
    assert isinstance(played.phase(Lane.DEFAULT), Done)


async def test_a_muted_dial_and_one_beyond_its_ends_play_as_they_were(play):
    dials = (replace(RUN.dials[0], value=31.4), replace(RUN.dials[1], value=2.0, muted=True))
    played = await play(recording(at(1.0, done()), at(1.0, done(Lane.DEFAULT)), dials=dials))
    await played.pass_time(2.0)
    assert isinstance(played.phase(), Done)
