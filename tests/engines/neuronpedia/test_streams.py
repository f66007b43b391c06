"""What streams: cumulative frames become tokens, and the service's own end is the end."""

import asyncio
import gzip
import json
from dataclasses import replace

import pytest
from engines.neuronpedia.serving import (
    CITY,
    DOGS,
    FRAMES,
    HEADERS,
    LINK,
    MODEL,
    PROMPT,
    SOURCE,
    STEERED,
    Serve,
    answer,
    answering,
    asking,
    frame,
    gather,
    steer_calls,
    streaming,
    text_of,
)
from loopback import Call
from pydantic import SecretStr

from steer_tui.domain import (
    Dial,
    DoneEvent,
    FinishReason,
    GenerationRequest,
    Lane,
    Method,
    RewindEvent,
    SteeringVector,
    TokenEvent,
    Truncated,
    Unsupported,
)
from steer_tui.engines import Engine, Explains, LanePolicy, Quota, Rereads
from steer_tui.engines.services import ChargesRereads, Diagnoses, OffersModels, OffersPresets, Publishes, Searches


async def test_it_is_an_engine_with_services_behind_it(serve: Serve) -> None:
    _, hosted = await serve({})
    engine: Engine = hosted
    for kind in (Searches, OffersPresets, OffersModels, Publishes, Explains, Rereads, ChargesRereads, Diagnoses):
        assert isinstance(engine, kind)
    assert engine.info.lanes is LanePolicy.TOGETHER
    assert engine.info.quota == Quota(240, 240)
    assert "anybody can read it" in hosted.publication


async def test_the_differences_of_interleaved_frames_are_the_tokens_of_both_lanes(serve: Serve) -> None:
    server, engine = await serve({"POST /api/steer": streaming()})
    events = await gather(engine, asking())
    tokens = [(event.lane, event.token, event.index) for event in events if isinstance(event, TokenEvent)]
    assert tokens == [
        (Lane.STEERED, " the", 0),
        (Lane.DEFAULT, " a", 0),
        (Lane.STEERED, " Golden", 1),
        (Lane.DEFAULT, " tower", 1),
        (Lane.STEERED, " Gate", 2),
        (Lane.DEFAULT, ".", 2),
    ]
    done = [event for event in events if isinstance(event, DoneEvent)]
    assert done == [DoneEvent(lane, FinishReason.COMPLETE) for lane in (Lane.STEERED, Lane.DEFAULT)]
    assert len(steer_calls(server)) == 1


async def test_the_request_is_the_services_own(serve: Serve) -> None:
    server, engine = await serve({"POST /api/steer": streaming()})
    await gather(engine, asking(Dial(CITY, 4.0), Dial(DOGS, -2.5), temperature=0.5, max_tokens=64, seed=16))
    assert steer_calls(server)[0].json == {
        "prompt": PROMPT,
        "modelId": MODEL,
        "features": [
            {"modelId": MODEL, "layer": SOURCE, "index": 3124, "strength": 32.0},
            {"modelId": MODEL, "layer": SOURCE, "index": 12082, "strength": -12.5},
        ],
        "temperature": 0.5,
        "n_tokens": 64,
        "freq_penalty": 0,
        "seed": 16,
        "strength_multiplier": 1.0,
        "steer_method": "SIMPLE_ADDITIVE",
        "stream": True,
    }


@pytest.mark.parametrize(
    ("method", "name", "strength"),
    [
        (Method.ADDITIVE, "SIMPLE_ADDITIVE", 24.0),
        (Method.ORTHOGONAL, "ORTHOGONAL_DECOMP", 0.7),
        (Method.PROJECTION_CAP, "PROJECTION_CAP", 24.0),
        (Method.ABLATE, "ORTHOGONAL_DECOMP", 0.0),
    ],
)
async def test_each_method_is_sent_as_the_service_calls_it(
    serve: Serve, method: Method, name: str, strength: float
) -> None:
    server, engine = await serve({"POST /api/steer": streaming()})
    assert method in engine.info.methods
    await gather(engine, GenerationRequest(PROMPT, vector=SteeringVector.of([Dial(CITY, 3.0)], method)))
    asked = steer_calls(server)[0].json
    assert asked["steer_method"] == name
    assert asked["features"][0]["strength"] == pytest.approx(strength)


async def test_a_method_that_the_service_does_not_have_is_refused_before_it_costs_a_request(serve: Serve) -> None:
    server, engine = await serve({"POST /api/steer": streaming()})
    assert Method.PIN not in engine.info.methods
    with pytest.raises(Unsupported, match="pin"):
        await gather(engine, GenerationRequest(PROMPT, vector=SteeringVector.of([Dial(CITY, 3.0)], Method.PIN)))
    assert steer_calls(server) == []


async def test_with_all_dials_at_0_the_first_feature_is_sent_at_strength_0(serve: Serve) -> None:
    server, engine = await serve({"POST /api/steer": streaming()})
    vector = SteeringVector.of([Dial(CITY)], Method.ORTHOGONAL)
    await gather(engine, GenerationRequest(PROMPT, vector=vector, watched=(CITY, DOGS)))
    asked = steer_calls(server)[0].json
    assert [(feature["index"], feature["strength"]) for feature in asked["features"]] == [(3124, 0.0)]
    assert asked["steer_method"] == "SIMPLE_ADDITIVE"


async def test_a_lane_that_is_not_wanted_is_passed_over(serve: Serve) -> None:
    _, engine = await serve({"POST /api/steer": streaming()})
    events = await gather(engine, asking(lanes=(Lane.STEERED,)))
    assert {event.lane for event in events} == {Lane.STEERED}
    assert text_of(events, Lane.STEERED) == STEERED


async def test_the_key_travels_in_its_header_and_nowhere_else(serve: Serve) -> None:
    server, engine = await serve({"POST /api/steer": streaming()}, key=SecretStr("sk-np-1"))
    await gather(engine, asking())
    assert steer_calls(server)[0].headers["x-api-key"] == "sk-np-1"
    assert b"sk-np-1" not in steer_calls(server)[0].body
    server, engine = await serve({"POST /api/steer": streaming()})
    await gather(engine, asking())
    assert "x-api-key" not in steer_calls(server)[0].headers


async def test_the_link_and_the_quota_are_those_of_the_latest_answer(serve: Serve) -> None:
    _, engine = await serve({"POST /api/steer": streaming()})
    assert engine.latest_link is None
    await gather(engine, asking())
    assert engine.latest_link == LINK
    assert engine.info.quota == Quota(231, 240)


async def test_a_text_that_is_not_whole_yet_is_not_said_to_stand_where_an_earlier_one_does(serve: Serve) -> None:
    _, engine = await serve({"POST /api/steer": streaming()})
    await gather(engine, asking())
    stream = engine.stream(asking())
    await anext(stream)
    assert engine.latest_link is None
    await stream.aclose()
    assert engine.latest_link is None


async def test_a_service_that_counts_nothing_has_no_quota(serve: Serve) -> None:
    _, engine = await serve({"POST /api/steer": answering(answer(" a", " b", "abc123", limit=None))})
    await gather(engine, asking())
    assert engine.info.quota is None


async def test_a_rewritten_text_is_a_rewind_to_the_tokens_that_still_hold(serve: Serve) -> None:
    frames = (frame(" one two", None), frame(" one tWo three", " x"), frame(" one tWo three", " x", "abc123"))
    _, engine = await serve({"POST /api/steer": streaming(frames)})
    events = await gather(engine, asking())
    assert RewindEvent(Lane.STEERED, 1) in events
    assert text_of(events, Lane.STEERED) == " one tWo three"


async def test_a_saved_steered_text_is_done_at_once_and_the_default_one_at_the_streams_end(serve: Serve) -> None:
    frames = [frame("whole text", text, "abc123") for text in (None, " a", " a b")]
    _, engine = await serve({"POST /api/steer": streaming(frames)})
    events = await gather(engine, asking())
    assert events[2] == DoneEvent(Lane.STEERED, FinishReason.COMPLETE)
    assert events[-1] == DoneEvent(Lane.DEFAULT, FinishReason.COMPLETE)
    assert text_of(events, Lane.DEFAULT) == " a b"


async def test_a_lane_that_never_begins_is_no_whole_answer(serve: Serve) -> None:
    _, engine = await serve({"POST /api/steer": streaming([frame("text", None, "abc123")])})
    with pytest.raises(Truncated, match="before the default text did"):
        await gather(engine, asking())


async def test_a_stop_text_ends_its_lane_and_is_not_shown(serve: Serve) -> None:
    frames = (frame("one. ", None), frame("one. EN", "a"), frame("one. END two", "a"), frame("one. END two", "a", "x"))
    _, engine = await serve({"POST /api/steer": streaming(frames)})
    events = await gather(engine, asking(stop=("END",)))
    assert text_of(events, Lane.STEERED) == "one. "
    assert not any(isinstance(event, RewindEvent) for event in events)
    assert DoneEvent(Lane.STEERED, FinishReason.STOP_SEQUENCE) in events
    assert DoneEvent(Lane.DEFAULT, FinishReason.COMPLETE) in events


async def test_as_many_words_as_were_allowed_are_the_most_tokens_and_an_end_marker_is_none(serve: Serve) -> None:
    frames = (frame(" a", None), frame(" a b", " c"), frame(" a b", " c<eos>"), frame(" a b", " c<eos>", "abc123"))
    _, engine = await serve({"POST /api/steer": streaming(frames)})
    events = await gather(engine, asking(max_tokens=2))
    assert DoneEvent(Lane.STEERED, FinishReason.MAX_TOKENS) in events
    assert DoneEvent(Lane.DEFAULT, FinishReason.COMPLETE) in events
    assert text_of(events, Lane.DEFAULT) == " c"


async def test_an_old_server_that_repeats_the_prompt_is_understood(serve: Serve) -> None:
    frames = (frame(PROMPT + " a", None), frame(PROMPT + " a b", PROMPT), frame(PROMPT + " a b", PROMPT + " c", "x"))
    _, engine = await serve({"POST /api/steer": streaming(frames)})
    events = await gather(engine, asking())
    assert text_of(events, Lane.STEERED) == " a b"
    assert text_of(events, Lane.DEFAULT) == " c"


async def test_a_prompt_behind_the_token_that_begins_a_text_is_passed_over_too(serve: Serve) -> None:
    _, engine = await serve({"POST /api/steer": answering(answer(f"<bos>{PROMPT} a", f"<bos>{PROMPT} b", "x"))})
    events = await gather(engine, asking())
    assert (text_of(events, Lane.STEERED), text_of(events, Lane.DEFAULT)) == (" a", " b")


async def test_a_text_that_happens_to_begin_like_its_prompt_is_shown_whole(serve: Serve) -> None:
    repeated = f"{PROMPT} itself."
    _, engine = await serve({"POST /api/steer": answering(answer(repeated, " a tower.", "x"))})
    events = await gather(engine, asking())
    assert (text_of(events, Lane.STEERED), text_of(events, Lane.DEFAULT)) == (repeated, " a tower.")
    frames = (frame(repeated, None), frame(repeated, " a"), frame(repeated, " a tower.", "x"))
    _, engine = await serve({"POST /api/steer": streaming(frames)})
    events = await gather(engine, asking())
    assert (text_of(events, Lane.STEERED), text_of(events, Lane.DEFAULT)) == (repeated, " a tower.")


async def test_a_prompt_of_one_word_is_what_the_model_may_have_written(serve: Serve) -> None:
    frames = (frame("No", None), frame("No way", "No"), frame("No way", "No!", "x"))
    _, engine = await serve({"POST /api/steer": streaming(frames)})
    events = await gather(engine, replace(asking(), prompt="No"))
    assert (text_of(events, Lane.STEERED), text_of(events, Lane.DEFAULT)) == ("No way", "No!")


@pytest.mark.parametrize("template", ["chatTemplate", "chat_template"])
async def test_a_chat_is_its_latest_message(serve: Serve, template: str) -> None:
    def turn(text: str, end: str = "") -> dict[str, object]:
        said = [{"role": "user", "content": PROMPT}] + ([{"role": "model", "content": text}] if text else [])
        return {"raw": f"<bos>user {PROMPT} model {text}{end}", template: said, "logprobs": None}

    frames = (
        frame(turn(""), None),
        frame(turn("Hello"), turn("")),
        frame(turn("Hello there", "<end_of_turn>\n"), turn("Hi")),
        frame(turn("Hello there", "<end_of_turn>\n"), turn("Hi"), "abc123"),
    )
    server, engine = await serve({"POST /api/steer-chat": streaming(frames)})
    events = await gather(engine, asking(chat=True, max_tokens=2))
    assert text_of(events, Lane.STEERED) == "Hello there"
    assert text_of(events, Lane.DEFAULT) == "Hi"
    assert DoneEvent(Lane.STEERED, FinishReason.COMPLETE) in events
    asked = steer_calls(server)[0].json
    assert asked["steeredChatMessages"] == asked["defaultChatMessages"] == [{"role": "user", "content": PROMPT}]
    assert asked["steer_special_tokens"] is True
    assert "prompt" not in asked


async def test_a_compressed_stream_and_a_very_large_frame_are_read(serve: Serve) -> None:
    long = f" {'w' * 999}" * 10_000

    async def steer(call: Call) -> None:
        await call.start(headers={"Content-Encoding": "gzip"})
        await call.chunk(gzip.compress(frame(long, " a") + frame(long, " a", "abc123"), 1))

    _, engine = await serve({"POST /api/steer": steer})
    count = 0
    async for event in engine.stream(asking(lanes=(Lane.STEERED,))):
        count += isinstance(event, TokenEvent)
    assert count == 10_000


async def test_closing_the_stream_ends_the_connection_also_in_silence(serve: Serve) -> None:
    async def steer(call: Call) -> None:
        await call.start(headers=HEADERS)
        await call.chunk(FRAMES[0])
        await call.silence()

    server, engine = await serve({"POST /api/steer": steer})
    stream = engine.stream(asking())
    assert isinstance(await anext(stream), TokenEvent)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await stream.aclose()
    await asyncio.wait_for(steer_calls(server)[0].gone.wait(), 10)


async def test_a_saved_answer_comes_as_json_and_is_replayed_word_by_word(serve: Serve) -> None:
    _, engine = await serve({"POST /api/steer": answering(answer(STEERED, " a tower.\n", "abc123"), HEADERS)})
    events = await gather(engine, asking())
    assert [event.token for event in events if isinstance(event, TokenEvent)] == [
        " the",
        " a",
        " Golden",
        " tower.\n",
        " Gate",
    ]
    assert engine.latest_link == LINK
    assert [event.lane for event in events if isinstance(event, DoneEvent)] == [Lane.DEFAULT, Lane.STEERED]


async def test_a_replay_keeps_its_pace_and_stops_at_once(serve: Serve) -> None:
    _, engine = await serve({"POST /api/steer": answering(answer("a b c", "d", "x"))}, replay_pace_ms=3_600_000)
    stream = engine.stream(asking())
    first = [await anext(stream), await anext(stream)]
    assert [event.token for event in first if isinstance(event, TokenEvent)] == ["a", "d"]
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await stream.aclose()


async def test_frames_are_read_whatever_else_they_hold(serve: Serve) -> None:
    odd = {**answer("a", "b", "abc123"), "assistant_axis": [{"type": "STEERED"}], "limit": 12, "shareUrl": "\x1b[31m"}
    data = f": comment\nevent: any\r\ndata: {json.dumps(odd)}\r\n\r\n".encode()
    _, engine = await serve({"POST /api/steer": streaming([frame("a", None), data])})
    events = await gather(engine, asking())
    assert text_of(events, Lane.DEFAULT) == "b"
    assert engine.latest_link is None
    assert engine.info.quota == Quota(12, 240)
