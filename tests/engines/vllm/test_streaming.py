"""Deltas become tokens, alike on both kinds of server."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from engines.collecting import endings, events_of, failure_of, words
from engines.vllm.asking import DEFAULT, asked, opened, vector_file
from engines.vllm.box import DONE, Box, chat_piece, frame, piece
from engines.vllm.conftest import Open
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Call

from steer_tui.domain import BOTH_LANES, Event, Lane, TokenEvent
from steer_tui.engines import LanePolicy
from steer_tui.engines.vllm.answers import Choice
from steer_tui.engines.vllm.delta_text import DeltaText

SEA = {1: [3.0, 0, 0, 0, 0, 0, 0, 4.0]}


def answering(*frames: object, end: bytes = DONE) -> object:
    """A handler that streams these frames."""

    async def handler(call: Call) -> None:
        await call.start()
        for part in (*(one if isinstance(one, bytes) else frame(one) for one in frames), end):
            if part:  # an empty chunk would end the body
                await call.chunk(part)

    return handler


def tokens(events: list[Event]) -> list[TokenEvent]:
    return [event for event in events if isinstance(event, TokenEvent)]


async def test_each_delta_is_a_token_and_both_lanes_come_in_turn(open_at: Open, kind: str, tmp_path: Path) -> None:
    box = Box(kind)
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    events = await events_of(engine, asked((sea, 4.0), lanes=(Lane.DEFAULT, Lane.STEERED)))
    assert words(events) == [" the", " sea", " is", " deep"]
    assert words(events, Lane.DEFAULT) == [" a", " dog"]
    assert [event.index for event in tokens(events)] == [0, 1, 2, 3, 0, 1]
    assert [event.lane for event in events] == [Lane.STEERED] * 5 + [Lane.DEFAULT] * 3
    assert endings(events) == ["complete", "complete"]


async def test_both_lanes_run_at_once_each_by_a_request_of_its_own(open_at: Open, kind: str, tmp_path: Path) -> None:
    box = Box(kind)
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    box.pause.clear()
    both = [asyncio.create_task(events_of(engine, asked((sea, 4.0), lanes=(lane,)))) for lane in BOTH_LANES]
    await box.streaming(2)
    box.pause.set()
    steered, default = await asyncio.gather(*both)
    assert engine.info.lanes is LanePolicy.PARALLEL
    assert (words(steered), words(default, Lane.DEFAULT)) == ([" the", " sea", " is", " deep"], [" a", " dog"])


async def test_frames_that_add_nothing_are_no_tokens(open_at: Open) -> None:
    box = Box()
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    box.server.routes["POST /v1/completions"] = answering(
        b": keep-alive\n\n",
        {**piece(" a"), "usage": usage},
        {"id": "cmpl-1", "object": "text_completion", "choices": []},
        piece(" dog", tokens=[" dog"]),
        piece("", "stop"),
        {"id": "cmpl-1", "object": "text_completion", "choices": [], "usage": usage},
    )
    events = await events_of(await open_at(box), asked(lanes=DEFAULT))
    assert (words(events, Lane.DEFAULT), endings(events)) == ([" a", " dog"], ["complete"])


@pytest.mark.parametrize(
    ("finish", "stop", "reason"),
    [
        ("stop", None, "complete"),
        ("stop", 128009, "complete"),
        ("stop", "\n\n", "stop_sequence"),
        ("length", None, "max_tokens"),
        ("repetition", None, "complete"),
    ],
)
async def test_why_a_text_ends(open_at: Open, finish: str, stop: object, reason: str) -> None:
    box = Box()
    box.server.routes["POST /v1/completions"] = answering(piece(" a"), piece(" dog", finish, stop))
    events = await events_of(await open_at(box), asked(lanes=DEFAULT))
    assert (words(events, Lane.DEFAULT), endings(events)) == ([" a", " dog"], [reason])


async def test_a_stop_text_is_left_to_the_server(open_at: Open) -> None:
    box = Box(words={False: [" the", " s", "ea.", "\n", "\nMore", " text"]})
    events = await events_of(await open_at(box), asked(lanes=DEFAULT, stop=("ea", "\n\n")))
    assert box.streamed()[0].stop == ["ea", "\n\n"]
    assert ("".join(words(events, Lane.DEFAULT)), endings(events)) == (" the s", ["stop_sequence"])


async def test_a_generation_that_the_server_gives_up_may_be_asked_for_again(open_at: Open) -> None:
    box = Box()
    box.server.routes["POST /v1/completions"] = answering(piece(" a"), piece("", "abort"))
    events, error = await failure_of(await open_at(box), asked(lanes=DEFAULT))
    assert (words(events, Lane.DEFAULT), error.code, error.passing) == ([" a"], "overloaded", True)


async def test_a_delta_of_several_tokens_is_parted_where_they_stand_side_by_side(open_at: Open) -> None:
    box = Box()
    box.server.routes["POST /v1/completions"] = answering(
        piece(" the sea", tokens=[" the", " sea"]),
        piece("", tokens=["�"]),
        piece("海", tokens=["�"]),
        piece(" is deep", tokens=["is", "deep"]),
        piece(" and wide"),
        piece("!", "stop", tokens=["!", "</s>"]),
    )
    events = tokens(await events_of(await open_at(box), asked(lanes=DEFAULT, temperature=0.0)))
    assert [(event.token, event.logprob) for event in events] == [
        (" the", -0.5),
        (" sea", -0.5),
        ("海", None),
        (" is deep", None),
        (" and wide", None),
        ("!", -0.5),
    ]


def shown_of(*frames: tuple[str, str, float]) -> list[tuple[str, float | None]]:
    """The tokens that come of frames, each with a text and with one token that is named."""
    text = DeltaText(Lane.STEERED, 1.0)
    events: list[Event] = []
    for added, token, logprob in frames:
        named = {"tokens": [token], "token_logprobs": [logprob]}
        events += text.take(Choice.model_validate({"text": added, "logprobs": named}))
    return [(event.token, event.logprob) for event in events if isinstance(event, TokenEvent)]


def test_a_token_whose_text_is_held_back_for_a_stop_text_keeps_its_own_probability() -> None:
    held = shown_of(("", "One", -1.0), ("One", " two", -2.0), (" two", " three", -3.0), (" three", "!", -4.0))
    assert held == [("One", -1.0), (" two", -2.0), (" three", -3.0)]
    repeated = shown_of(("", " go", -1.0), (" go", " go", -2.0), (" go", " go", -3.0))
    assert repeated == [(" go", -1.0), (" go", -2.0)]


def test_a_token_that_comes_in_parts_has_no_probability() -> None:
    parts = shown_of(("O", "One", -1.0), ("ne tw", " two", -2.0), ("o three", " three", -3.0))
    assert parts == [("O", None), ("ne", None), (" tw", None), ("o", None), (" three", -3.0)]


@pytest.mark.parametrize("strange", [10**400, float("inf"), float("nan"), True, "-1", None])
def test_a_probability_that_is_no_number_is_none(strange: object) -> None:
    named = {"tokens": [" sea"], "token_logprobs": [strange]}
    choice = Choice.model_validate({"text": " sea", "logprobs": named})
    assert [piece.logprob for piece in choice.pieces] == [None]


def test_a_probability_goes_with_no_other_text() -> None:
    assert shown_of((" sea", " see", -1.0), (" is", " is", -2.0)) == [(" sea", None), (" is", -2.0)]


@pytest.mark.parametrize(("temperature", "logprob"), [(0.0, -0.5), (1.0, -0.5), (0.7, None)])
async def test_the_models_own_probabilities_are_told_only_where_they_are_those_drawn_from(
    open_at: Open, temperature: float, logprob: float | None
) -> None:
    events = tokens(await events_of(await open_at(Box()), asked(lanes=DEFAULT, temperature=temperature)))
    assert [event.logprob for event in events] == [logprob, logprob]


async def test_a_chat_goes_through_the_models_template(open_at: Open, kind: str, tmp_path: Path) -> None:
    box = Box(kind)
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    events = await events_of(engine, asked((sea, 4.0), chat=True, max_tokens=3))
    assert (words(events), endings(events)) == ([" the", " sea", " is"], ["max_tokens"])
    (body,) = box.streamed()
    assert (body.prompt, [message.model_dump() for message in body.messages or ()]) == (
        None,
        [{"role": "user", "content": "Once upon"}],
    )
    assert body.pushes.keys() == {1}


async def test_thoughts_that_the_server_parts_from_a_chats_answer_are_shown_before_it(open_at: Open) -> None:
    box = Box()
    box.server.routes["POST /v1/chat/completions"] = answering(
        chat_piece({"role": "assistant", "content": ""}),
        chat_piece({"reasoning_content": "Hm"}, token="Hm"),
        chat_piece({"reasoning": "."}),
        chat_piece({"content": "Hi"}),
        chat_piece({}, "stop"),
    )
    events = await events_of(await open_at(box), asked(lanes=DEFAULT, chat=True))
    assert words(events, Lane.DEFAULT) == ["Hm", ".", "Hi"]


RECORDED = b"".join(map(frame, [piece(" the", tokens=[" the"]), piece(" 海"), piece(".", "stop")])) + DONE


async def test_a_stream_without_its_end_is_truncated_wherever_it_is_cut(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    for length in (0, 1, 60, *range(len(RECORDED) - 22, len(RECORDED))):
        box.server.routes["POST /v1/completions"] = answering(RECORDED[:length], end=b"")
        events, error = await failure_of(engine, asked(lanes=DEFAULT))
        assert (error.code, error.passing, endings(events)) == ("truncated", True, []), length
        assert " the 海.".startswith("".join(words(events, Lane.DEFAULT))), length


async def test_an_end_that_says_no_reason_is_truncated_too(open_at: Open) -> None:
    box = Box()
    box.server.routes["POST /v1/completions"] = answering(piece(" a"))
    events, error = await failure_of(await open_at(box), asked(lanes=DEFAULT))
    assert (words(events, Lane.DEFAULT), error.code) == ([" a"], "truncated")


@pytest.mark.parametrize("cut", [b"data: {not json}\n\n", b"data: [1]\n\n", b'data: {"choices": [{"text": 5}]}\n\n'])
async def test_a_frame_that_is_not_the_protocol_is_malformed(open_at: Open, cut: bytes) -> None:
    box = Box()
    box.server.routes["POST /v1/completions"] = answering(piece(" a"), cut)
    _, error = await failure_of(await open_at(box), asked(lanes=DEFAULT))
    assert error.code == "malformed"


async def test_leaving_a_stream_closes_its_connection(open_at: Open) -> None:
    box = Box()
    box.pause.clear()
    engine = await open_at(box)
    stream = engine.stream(asked(lanes=DEFAULT))
    await anext(stream)
    await stream.aclose()
    await box.server.calls[-1].gone.wait()
    await box.streaming(0)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text("ab海 \n", max_size=6), max_size=6), st.data())
def test_however_a_text_is_cut_into_deltas_its_tokens_are_the_text(parts: list[str], data: st.DataObject) -> None:
    text = DeltaText(Lane.STEERED, 0.0)
    shown: list[TokenEvent] = []
    for number, part in enumerate(parts):
        pieces = data.draw(st.one_of(st.none(), st.lists(st.text("ab ", max_size=3), max_size=3), st.just(list(part))))
        named = None if pieces is None else {"tokens": pieces, "token_logprobs": [-1.0] * len(pieces)}
        end = "stop" if number == len(parts) - 1 else None
        choice = Choice.model_validate({"text": part, "logprobs": named, "finish_reason": end})
        shown += [event for event in text.take(choice) if isinstance(event, TokenEvent)]
    assert "".join(event.token for event in shown) == "".join(parts)
    assert [event.index for event in shown] == list(range(len(shown)))
    assert all(event.token for event in shown)


async def test_the_same_request_on_another_lane_is_the_same_but_for_the_steering(
    open_at: Open, kind: str, tmp_path: Path
) -> None:
    box = Box(kind)
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    await events_of(engine, replace(asked((sea, 4.0), stop=("\n",), seed=7, temperature=0.5), lanes=BOTH_LANES))
    steered, default = box.streamed()
    same = {"vllm_xargs", "steering", "cache_salt"}
    assert steered.model_dump(exclude=same) == default.model_dump(exclude=same)
    assert default.pushes == {}
    assert steered.pushes.keys() == {1}
    assert (default.temperature, default.seed, default.max_tokens) == (0.5, 7, 8)
    assert (default.top_p, default.top_k, default.min_p, default.repetition_penalty) == (1.0, 0, 0.0, 1.0)
