"""Whatever a person turns, edits, starts and stops while a text comes, its marks tell which dials made each token."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from fake_time import settle
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from live_engine import LiveEngine, named
from rehearsal import Rehearsal
from scripted_engine import Gate

from steer_tui.domain import Lane, Rejected
from steer_tui.engines import LanePolicy
from steer_tui.generation import Settling, flight

Act = Callable[[Rehearsal, LiveEngine], Awaitable[None]]


def act(name: str, *values: object) -> tuple[str, tuple[object, ...]]:
    return name, values


ACTS = st.lists(
    st.builds(act, st.just("turn"), st.sampled_from([0.0, 2.0, 4.0, 6.0]), st.integers(0, 1))
    | st.builds(act, st.just("come"), st.integers(1, 5))
    | st.builds(act, st.sampled_from(["answer", "fail the next turn", "pass time", "cancel", "enter"]))
    | st.builds(act, st.just("live"), st.booleans())
    | st.builds(act, st.just("auto"), st.booleans())
    | st.builds(act, st.just("edit"), st.sampled_from(["Once", "Another one"])),
    max_size=25,
)


async def play(stage: Rehearsal, engine: LiveEngine, name: str, values: tuple) -> None:
    match name:
        case "turn":
            stage.turn(*values)
        case "come":
            engine.gate.let(*values)
        case "answer":
            engine.answers.let()
        case "fail the next turn":
            engine.faults.append(Rejected("Too strong."))
        case "pass time":
            await stage.pass_time(0.6)
        case "cancel":
            stage.controller.cancel()
        case "enter":
            stage.controller.generate()
        case "live":
            stage.controller.switch_live(*values)
        case "auto":
            stage.controller.switch_auto(*values)
        case "edit":
            stage.edit(*values)
    await settle()


def check_marks(stage: Rehearsal) -> None:
    """Each token is one of the dials that the marks say acted on it."""
    lane = stage.controller.state.lanes[Lane.STEERED]
    if lane.text_from is None:
        return
    acting = lane.turns[0].before if lane.turns else lane.text_from[2]
    made_by = {turn.index: turn.vector for turn in lane.turns}
    for index, token in enumerate(lane.transcript.tokens):
        acting = made_by.get(index, acting)
        assert token.strip() == named(acting), (index, lane.transcript.tokens, lane.turns)


@settings(max_examples=150, deadline=None, derandomize=True, phases=[Phase.generate])
@given(acts=ACTS, lanes=st.sampled_from(LanePolicy), auto=st.booleans())
def test_the_marks_tell_which_dials_made_each_token(acts: list, lanes: LanePolicy, auto: bool) -> None:
    async def perform() -> None:
        stage = await Rehearsal(engine=LiveEngine, live=True, auto=auto, lanes=lanes).begin()
        engine = stage.engine
        assert isinstance(engine, LiveEngine)
        engine.answers = Gate()
        await stage.generate()
        engine.gate.let(2)
        await settle()
        for name, values in acts:
            before = list(stage.controller.state.lanes[Lane.STEERED].transcript.tokens)
            epoch = stage.controller.state.lanes[Lane.STEERED].transcript.epoch
            await play(stage, engine, name, values)
            lane = stage.controller.state.lanes[Lane.STEERED]
            assert lane.transcript.epoch > epoch or lane.transcript.tokens[: len(before)] == before
            if not any(former.is_turning for former in stage.controller._unclosed[Lane.STEERED]):
                check_marks(stage)
        engine.answers.open()
        await stage.pass_time(2.0)
        engine.gate.open()
        await stage.pass_time(2.0)
        check_marks(stage)
        lane = stage.controller.state.lanes[Lane.STEERED]
        assert not isinstance(lane.phase, Settling)
        assert all(turn.index < len(lane.transcript) for turn in lane.turns)
        assert not set(stage.text(Lane.DEFAULT).split()) - {"plain"}
        await stage.end()
        assert engine.open_streams == 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flight, "ANSWER_GRACE", 3600.0)  # every answer comes in the end, whatever the machine's pace
        asyncio.run(perform())
