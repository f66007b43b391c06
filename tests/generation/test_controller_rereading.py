"""A text whose stream told no activations is read once more: by itself where that costs nothing, or when asked to."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from fake_time import settle
from rehearsal import START, Rehearsal
from scripted_engine import Gate, Script, ScriptedEngine, done, speaking, token, tokens

from steer_tui.domain import Feature, GenerationRequest, Lane, SteerError, Unreachable
from steer_tui.engines import Reading
from steer_tui.generation import Cancelled, Connecting, Done

Begin = Callable[..., Awaitable[Rehearsal]]

WINTER, SEA = START.watched
PROMPT = START.prompt


def silent(request: GenerationRequest) -> list[Any]:
    """Two words on each lane, and no activations."""
    return [one for lane in request.lanes for one in [*tokens("the sea", lane), done(lane)]]


class Reader(ScriptedEngine):
    """Reads the prompt as one token and then each word as one, on which a feature's activation is its length."""

    rereads_freely = True

    def __init__(self, script: Script | None = None, **options: Any) -> None:
        super().__init__(script or silent, **options)
        self.reread_texts: list[str] = []
        self.ended: list[str] = []
        """How each re-read ended."""
        self.gate = Gate()
        self.gate.open()
        self.failure: Exception | None = None

    async def reread(self, text: str, features: Sequence[Feature]) -> Reading:
        assert not self.open_streams
        self.reread_texts.append(text)
        try:
            await self.gate.wait()
        except BaseException:
            self.ended.append("cancelled")
            raise
        self.ended.append("done")
        if self.failure is not None:
            raise self.failure
        pieces = (PROMPT, *text.removeprefix(PROMPT).replace(" ", "\0 ").split("\0"))
        rows = tuple(tuple(float(len(piece) + place) for place, _ in enumerate(features)) for piece in pieces)
        return Reading(pieces, rows, (None,) * len(pieces))


class AskedReader(Reader):
    """Reads only when it is asked to."""

    rereads_freely = False


class Slow(Reader):
    """Takes its time to let go of a re-read that was cancelled."""

    def __init__(self, script: Script | None = None, **options: Any) -> None:
        super().__init__(script, **options)
        self.gate = Gate()

    async def reread(self, text: str, features: Sequence[Feature]) -> Reading:
        try:
            await asyncio.Event().wait()
        finally:
            await self.gate.wait()
        raise AssertionError("it never ends by itself")


def reader(stage: Rehearsal) -> Reader:
    assert isinstance(stage.engine, Reader)
    return stage.engine


def reread(stage: Rehearsal) -> dict[str, list[float]]:
    transcript = stage.controller.state.lanes[Lane.STEERED].transcript
    return {id: list(values) for id, values in transcript.reread.items()}


async def test_a_text_that_has_ended_is_read_once_more_by_itself(rehearse: Begin) -> None:
    stage = await rehearse(engine=Reader)
    await stage.generate()
    assert reader(stage).reread_texts == [f"{PROMPT}the sea"]
    assert reread(stage) == {WINTER.id: [3.0, 4.0], SEA.id: [4.0, 5.0]}
    assert stage.controller.state.lanes[Lane.STEERED].reread_failure is None


async def test_it_waits_until_neither_lane_generates(rehearse: Begin) -> None:
    gate = Gate()

    def script(request: GenerationRequest) -> Iterable[Any]:
        return [*([gate] if Lane.DEFAULT in request.lanes else []), *silent(request)]

    stage = await rehearse(script, engine=Reader)
    await stage.generate()
    assert isinstance(stage.phase(), Done)
    assert reader(stage).reread_texts == []
    gate.open()
    await settle()
    assert len(reader(stage).reread_texts) == 1


async def test_a_text_that_still_comes_is_not_read(rehearse: Begin) -> None:
    gate = Gate()
    stage = await rehearse(
        lambda request: [*tokens("the", request.lanes[0]), gate, done(request.lanes[0])], engine=Reader
    )
    await stage.generate()
    assert not stage.controller.can_reread
    stage.controller.reread()
    await settle()
    assert reader(stage).reread_texts == []


async def test_a_generation_waits_also_for_a_re_read_that_another_one_took_the_place_of(rehearse: Begin) -> None:
    stage = await rehearse(engine=Slow)
    await stage.generate()
    stage.controller.reread()
    await stage.generate()
    assert len(stage.engine.requests) == 2
    reader(stage).gate.open()
    await settle()
    assert len(stage.engine.requests) > 2


@pytest.mark.parametrize("kind", [AskedReader, ScriptedEngine])
async def test_nothing_is_read_by_itself_where_the_engine_does_not_say_that_it_is_free(
    rehearse: Begin, kind: type[ScriptedEngine]
) -> None:
    stage = await rehearse(silent, engine=kind)
    await stage.generate()
    assert stage.controller.can_reread is (kind is AskedReader)
    assert reread(stage) == {}
    stage.controller.reread()
    await settle()
    assert bool(reread(stage)) is (kind is AskedReader)


async def test_nothing_is_read_where_the_stream_told_activations_or_there_is_no_dial(rehearse: Begin) -> None:
    for script, dials in ((speaking(), START.dials), (silent, ())):
        stage = await rehearse(script, engine=Reader)
        stage.controller.inputs = replace(START, dials=dials)
        await stage.generate()
        assert isinstance(stage.phase(), Done)
        assert not stage.controller.can_reread
        stage.controller.reread()
        await settle()
        assert reader(stage).reread_texts == []


async def test_a_cancelled_text_is_not_read_by_itself(rehearse: Begin) -> None:
    stage = await rehearse(lambda request: [token("the", 0, request.lanes[0]), Gate()], engine=Reader)
    await stage.generate()
    stage.controller.cancel()
    await settle()
    assert stage.phase() == Cancelled()
    assert reader(stage).reread_texts == []


@pytest.mark.parametrize("start", ["generate", "turn", "edit"])
async def test_a_generation_that_starts_ends_the_re_read_before_it_leaves(rehearse: Begin, start: str) -> None:
    stage = await rehearse(engine=Reader)
    reader(stage).gate = Gate()
    await stage.generate()
    assert (len(reader(stage).reread_texts), reader(stage).ended) == (1, [])
    if start == "generate":
        await stage.generate()
    elif start == "turn":
        stage.turn(7.0)
    else:
        stage.edit("Another")
    await settle()
    assert reader(stage).ended == ["cancelled"]
    reader(stage).gate.open()
    await stage.pass_time(0.5)
    assert reader(stage).ended == ["cancelled", "done"]
    assert len(reader(stage).reread_texts) == 2
    assert reread(stage)


async def test_a_start_that_is_given_up_lets_the_text_be_read_after_all(rehearse: Begin) -> None:
    stage = await rehearse(engine=Reader)
    reader(stage).gate = Gate()
    await stage.generate()
    stage.turn(7.0)
    stage.controller.cancel()
    reader(stage).gate.open()
    await settle()
    assert isinstance(stage.phase(), Done)
    assert reader(stage).ended == ["cancelled", "done"]
    assert reread(stage)


async def test_quitting_ends_the_re_read(rehearse: Begin) -> None:
    stage = await rehearse(engine=Reader)
    reader(stage).gate = Gate()
    await stage.generate()
    await stage.end()
    assert reader(stage).ended == ["cancelled"]


async def test_what_was_read_goes_with_the_text(rehearse: Begin) -> None:
    gate = Gate()

    def script(request: GenerationRequest) -> Iterable[Any]:
        return [*([gate] if len(stage.engine.requests) > 2 else []), *silent(request)]

    stage = await rehearse(script, engine=Reader)
    await stage.generate()
    await stage.generate()
    assert stage.phase() == Connecting()
    assert reread(stage), "the text before it still shows"
    reader(stage).gate = Gate()
    gate.open()
    await settle()
    assert isinstance(stage.phase(), Done)
    assert reread(stage) == {}


@pytest.mark.parametrize("failure", [Unreachable("Gone."), OSError("disk")])
async def test_a_re_read_that_fails_is_no_state_of_the_generation_and_is_not_repeated(
    rehearse: Begin, failure: Exception
) -> None:
    stage = await rehearse(engine=Reader)
    reader(stage).failure = failure
    await stage.generate()
    lane = stage.controller.state.lanes[Lane.STEERED]
    assert isinstance(stage.phase(), Done)
    assert lane.error is None
    assert lane.reread_failure is not None
    assert isinstance(lane.reread_failure.error, SteerError)
    assert not lane.reread_failure.was_asked_for
    await stage.pass_time(60.0)
    assert len(reader(stage).reread_texts) == 1
    reader(stage).failure = None
    await stage.generate()
    assert lane.reread_failure is None
    assert reread(stage)


async def test_a_re_read_that_was_asked_for_takes_the_place_of_one_that_is_under_way(rehearse: Begin) -> None:
    stage = await rehearse(engine=Reader)
    reader(stage).gate = Gate()
    await stage.generate()
    reader(stage).failure = Unreachable("Gone.")
    stage.controller.reread()
    reader(stage).gate.open()
    await settle()
    failure = stage.controller.state.lanes[Lane.STEERED].reread_failure
    assert reader(stage).ended == ["cancelled", "done"]
    assert failure is not None
    assert failure.was_asked_for
