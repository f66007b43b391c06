"""Cumulative frames become tokens, on one lane or on both."""

import gzip
from contextlib import aclosing
from dataclasses import replace

import pytest
from engines.collecting import endings, events_of, words
from engines.inference_server.asking import DEFAULT, asked
from engines.inference_server.box import EAGER, VLLM, Box, completion, frame
from engines.inference_server.conftest import Open
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Call

from steer_tui.domain import Lane, RewindEvent, TokenEvent
from steer_tui.engines import LanePolicy
from steer_tui.engines.inference_server.answers import Snapshot
from steer_tui.engines.inference_server.lane_text import LaneText


@pytest.mark.parametrize("camel", [True, False], ids=["camelCase", "snake_case"])
async def test_each_frames_difference_is_a_token(open_at: Open, camel: bool) -> None:
    engine = await open_at(Box(camel=camel))
    events = await events_of(engine, asked())
    assert words(events) == [" the", " sea", " is", " deep"]
    assert [event.index for event in events if isinstance(event, TokenEvent)] == [0, 1, 2, 3]
    assert endings(events) == ["complete"]


async def test_a_text_that_fills_its_tokens_ends_for_that_reason(open_at: Open) -> None:
    engine = await open_at(Box())
    assert endings(await events_of(engine, asked(max_tokens=4))) == ["max_tokens"]


async def test_a_text_that_fills_the_servers_room_ends_for_that_reason(open_at: Open) -> None:
    box = Box()
    box.capabilities |= {"max_tokens": 30}
    engine = await open_at(box)
    prompt = "x" * 4 * 25  # 25 tokens, and one that begins the text: room for 4
    events = await events_of(engine, asked(prompt=prompt, max_tokens=100))
    assert endings(events) == ["max_tokens"]


@pytest.mark.parametrize("end", ["<|endoftext|>", "<eos>", "</s>", "<|eot_id|>", "<end_of_turn>"])
async def test_the_token_that_ends_a_text_is_not_shown(open_at: Open, end: str) -> None:
    engine = await open_at(Box(words={"STEERED": [" the", " sea", end]}))
    events = await events_of(engine, asked(max_tokens=3))
    assert (words(events), endings(events)) == ([" the", " sea"], ["complete"])


async def test_a_text_that_ends_at_once_is_empty_and_complete(open_at: Open) -> None:
    engine = await open_at(Box(words={"STEERED": ["<|endoftext|>"]}))
    events = await events_of(engine, asked())
    assert (words(events), endings(events)) == ([], ["complete"])


async def test_the_same_words_in_the_middle_of_a_text_are_shown(open_at: Open) -> None:
    engine = await open_at(Box(words={"STEERED": [" the", "<eos>", " sea"]}))
    assert words(await events_of(engine, asked())) == [" the", "<eos> sea"]


async def test_a_rewritten_text_is_rewound_to_the_tokens_that_hold(open_at: Open) -> None:
    box = Box()

    async def rewrite(call: Call) -> None:
        await call.start()
        for text in (" the", " the s", " the s\ufffd", " the sea海", " a"):
            await call.chunk(frame(completion("STEERED", text)))

    box.server.routes["POST /v1/steer/completion"] = rewrite
    events = await events_of(await open_at(box), asked())
    assert events[2:6] == [
        TokenEvent("\ufffd", 2, Lane.STEERED),
        RewindEvent(Lane.STEERED, 2),
        TokenEvent("ea海", 2, Lane.STEERED),
        RewindEvent(Lane.STEERED, 0),
    ]
    assert events[6] == TokenEvent(" a", 0, Lane.STEERED)


async def test_a_prompt_that_an_older_server_sends_along_is_not_shown(open_at: Open) -> None:
    box = Box(words={"STEERED": ["<|endoftext|>Once upon a", " sea"]})
    engine = await open_at(box)
    assert words(await events_of(engine, asked(prompt="Once upon"))) == [" a", " sea"]


async def test_a_stop_text_ends_the_lane_and_is_no_part_of_it(open_at: Open) -> None:
    engine = await open_at(Box(words={"STEERED": [" the", " s", "ea.", "\n", "\nMore", " text"]}))
    events = await events_of(engine, asked(stop=("\n\n",)))
    assert ("".join(words(events)), endings(events)) == (" the sea.", ["stop_sequence"])


async def test_what_might_have_begun_a_stop_text_comes_in_the_end(open_at: Open) -> None:
    engine = await open_at(Box(words={"STEERED": [" the", "\n"]}))
    events = await events_of(engine, asked(stop=("\n\n",)))
    assert (words(events), endings(events)) == ([" the", "\n"], ["complete"])


@pytest.mark.parametrize(
    ("capabilities", "policy"), [(EAGER, LanePolicy.ONE_AT_A_TIME), (VLLM, LanePolicy.PARALLEL)], ids=["eager", "vllm"]
)
async def test_two_lanes_of_one_stream_come_in_turn_the_steered_one_first(
    open_at: Open, capabilities: dict[str, object], policy: LanePolicy
) -> None:
    box = Box(capabilities=capabilities)
    engine = await open_at(box)
    events = await events_of(engine, asked((Lane.DEFAULT, Lane.STEERED)))
    assert engine.info.lanes is policy
    assert [body["types"] for body in box.steered()] == [["STEERED"], ["DEFAULT"]]
    assert [event.lane for event in events] == [Lane.STEERED] * 5 + [Lane.DEFAULT] * 3


async def test_a_chat_shows_the_models_turn_and_not_what_ends_it(open_at: Open) -> None:
    box = Box(words={"STEERED": [" Hi", " there", "!", "<end_of_turn>", "\n"]})
    engine = await open_at(box)
    events = await events_of(engine, replace(asked(max_tokens=5), chat=True))
    assert (words(events), endings(events)) == (["Hi", " there", "!"], ["complete"])
    assert box.asked("/v1/steer/completion-chat")[0].json["prompt"] == [{"role": "user", "content": "Once upon"}]


@pytest.mark.parametrize(("tokens", "end"), [(28, "max_tokens"), (27, "complete"), (None, "complete")])
async def test_a_chat_that_fills_the_servers_room_ends_for_that_reason(
    open_at: Open, tokens: int | None, end: str
) -> None:
    box = Box(words={"STEERED": [" Hi", " there"]})
    box.capabilities |= {"max_tokens": 30}

    async def apply(call: Call) -> None:
        assert call.json == {"messages": [{"role": "user", "content": "Once upon"}]}
        await call.answer_json({"prompt": "…", "tokens": list(range(tokens or 0)), "spans": []})

    if tokens is not None:
        box.server.routes["POST /v1/apply-chat-template"] = apply
    engine = await open_at(box)
    request = replace(asked(max_tokens=8), chat=True)
    for _ in range(2):
        assert endings(await events_of(engine, request)) == [end]
    assert len(box.asked("/v1/apply-chat-template")) == 1


async def test_a_chat_in_snake_case_reads_the_same(open_at: Open) -> None:
    box = Box(words={"DEFAULT": ["Hi", "<end_of_turn>"]}, camel=False)
    engine = await open_at(box)
    assert words(await events_of(engine, replace(asked(DEFAULT), chat=True)), Lane.DEFAULT) == ["Hi"]


async def test_a_compressed_stream_reads_the_same(open_at: Open) -> None:
    box = Box()

    async def steer(call: Call) -> None:
        frames = [frame(completion("STEERED", text)) for text in (" the", " the sea")]
        await call.start(headers={"Content-Encoding": "gzip"})
        await call.chunk(gzip.compress(b"".join(frames)))

    box.server.routes["POST /v1/steer/completion"] = steer
    assert words(await events_of(await open_at(box), asked())) == [" the", " sea"]


async def test_a_reader_that_stops_after_done_leaves_nothing_open(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    async with aclosing(engine.stream(asked())) as stream:
        async for event in stream:
            if not isinstance(event, TokenEvent):
                break
    await engine.aclose()
    assert box.asked("/health") == []


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text("ab\n<eos>", max_size=8), max_size=8), st.sampled_from([(), ("ab",), ("\n\n", "b\n")]))
def test_however_a_text_grows_its_tokens_are_its_last_frame_up_to_a_stop(
    texts: list[str], stops: tuple[str, ...]
) -> None:
    growing = LaneText(Lane.STEERED, stops, "")
    shown: list[str] = []
    for number in range(len(texts) + 1):
        events = list(
            growing.finish(100) if number == len(texts) else growing.take(Snapshot(texts[number], texts[number]))
        )
        for event in events:
            if isinstance(event, RewindEvent):
                assert event.keep <= len(shown)
                del shown[event.keep :]
            elif isinstance(event, TokenEvent):
                assert event.index == len(shown)
                shown.append(event.token)
        if growing.is_done and number < len(texts):
            last = texts[number]
            assert "".join(shown) == last[: min(at for stop in stops if (at := last.find(stop)) >= 0)]
            return
    assert texts == [] or "".join(shown) in (texts[-1], texts[-1].removesuffix("<eos>"))
