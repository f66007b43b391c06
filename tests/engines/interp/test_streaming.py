import asyncio
from pathlib import Path

import pytest
from engines.collecting import endings, events_of, failure_of, words
from engines.interp.asking import DEFAULT, asked, feature
from engines.interp.box import END, Box, Refused, described
from engines.interp.conftest import Open
from loopback import Call

from steer_tui.domain import BOTH_LANES, Lane, TokenEvent
from steer_tui.engines import LanePolicy

pytestmark = pytest.mark.usefixtures("norms_are_known")


async def test_each_token_of_the_server_is_one_and_the_one_that_ends_the_text_is_none(
    open_at: Open,
) -> None:
    engine = await open_at(Box())
    events = await events_of(engine, asked(lanes=DEFAULT))
    assert words(events, Lane.DEFAULT) == [" a", " dog"]
    assert [event.index for event in events if isinstance(event, TokenEvent)] == [0, 1]
    assert endings(events) == ["complete"]


async def test_both_lanes_are_two_requests_the_steered_one_first(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box())
    calm = await feature(engine, vectors / "calm.npz")
    events = await events_of(engine, asked((calm, 4.0), lanes=(Lane.DEFAULT, Lane.STEERED)))
    assert (words(events), words(events, Lane.DEFAULT)) == ([" the", " sea", " is", " deep"], [" a", " dog"])
    assert [body["steering"] is None for body in box.bodies()] == [False, True]
    assert [body["seed"] for body in box.bodies()] == [10, 10]
    assert box.bodies("/v1/tokenize").count({"text": "Once upon"}) == 1


async def test_a_text_that_is_as_long_as_was_asked_for_ends_by_its_length(open_at: Open) -> None:
    engine = await open_at(Box())
    events = await events_of(engine, asked(lanes=DEFAULT, max_tokens=2))
    assert (words(events, Lane.DEFAULT), endings(events)) == ([" a", " dog"], ["max_tokens"])


async def test_a_stop_text_ends_the_lane_and_closes_the_stream(open_at: Open) -> None:
    engine = await open_at(box := Box(default=[" a", " dog", " and", " a", " cat"], pause_at=5))
    events = await events_of(engine, asked(lanes=DEFAULT, stop=("g a",)))
    assert (words(events, Lane.DEFAULT), endings(events)) == ([" a", " do"], ["stop_sequence"])
    await box.asked("/v1/generate")[0].gone.wait()


async def test_something_that_only_looks_like_an_end_is_shown(open_at: Open) -> None:
    engine = await open_at(Box(default=["<b>", " bold", "</b>"]))
    events = await events_of(engine, asked(lanes=DEFAULT, max_tokens=3))
    assert (words(events, Lane.DEFAULT), endings(events)) == (["<b>", " bold", "</b>"], ["max_tokens"])


async def test_a_chats_answer_ends_with_its_turn_where_the_server_writes_on(open_at: Open) -> None:
    engine = await open_at(Box(default=["Hi", ".", "<end_of_turn>", "\n", "<start_of_turn>"]))
    events = await events_of(engine, asked(lanes=DEFAULT, chat=True))
    assert (words(events, Lane.DEFAULT), endings(events)) == (["Hi", "."], ["complete"])


@pytest.mark.parametrize("line", range(6))
async def test_a_stream_that_is_cut_is_truncated_at_any_line(open_at: Open, line: int) -> None:
    engine = await open_at(Box(default=[" a", " dog", " is", END], cut_after=line))
    events, error = await failure_of(engine, asked(lanes=DEFAULT))
    assert error.code == "truncated"
    assert error.passing
    assert words(events, Lane.DEFAULT) == [" a", " dog", " is"][: max(0, line - 1)]


async def test_a_stream_that_ends_in_order_but_without_its_last_line_is_truncated(open_at: Open) -> None:
    async def ends(call: Call) -> None:
        await call.start(content_type="application/x-ndjson")
        await call.chunk(b'{"type":"start","sampling":{}}\n{"type":"token","token_id":3,"token_str":" a"}\n')

    box = Box()
    box.server.routes["POST /v1/generate"] = ends
    events, error = await failure_of(await open_at(box), asked(lanes=DEFAULT))
    assert (words(events, Lane.DEFAULT), error.code) == ([" a"], "truncated")


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (b'{"type":"error","detail":"RuntimeError: CUDA out of memory"}\n', "rejected", "CUDA out of memory"),
        (b'{"type":"error","detail":"headers: Bearer a-token"}\n', "rejected", "while it wrote: headers: …"),
        (b'{"type":"token","token_str":" a"}\n', "malformed", "token_id"),
        (b'{"type":"token","token_id":-1,"token_str":" a"}\n', "malformed", "token_id"),
        (b'{"type":"token","token_id":4294967296,"token_str":" a"}\n', "malformed", "token_id"),
        (b'{"type":"surprise"}\n', "malformed", "surprise"),
        (b"[1]\n", "malformed", "not an object"),
        (b"{\n", "malformed", "not JSON"),
    ],
)
async def test_a_line_that_is_no_token_is_an_error(open_at: Open, line: bytes, code: str, says: str) -> None:
    async def fails(call: Call) -> None:
        await call.start(content_type="application/x-ndjson")
        await call.chunk(b'{"type":"start","sampling":{}}\n' + line)

    box = Box()
    box.server.routes["POST /v1/generate"] = fails
    _, error = await failure_of(await open_at(box, token="a-token"), asked(lanes=DEFAULT))
    assert error.code == code
    assert says in error.message


async def test_closing_the_stream_closes_the_connection(open_at: Open) -> None:
    engine = await open_at(box := Box(pause_at=2))
    stream = engine.stream(asked(lanes=DEFAULT))
    assert isinstance(await anext(stream), TokenEvent)
    await stream.aclose()
    await box.asked("/v1/generate")[0].gone.wait()
    box.pause_at = None
    assert words(await events_of(engine, asked(lanes=DEFAULT)), Lane.DEFAULT) == [" a", " dog"]


async def test_a_cancelled_reader_closes_the_connection_before_a_token_has_come(open_at: Open) -> None:
    engine = await open_at(box := Box(pause_at=1))
    reader = asyncio.create_task(events_of(engine, asked(lanes=DEFAULT)))
    await box.came["/v1/generate"].wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await box.asked("/v1/generate")[0].gone.wait()


async def test_a_server_with_several_slots_runs_the_lanes_at_once(open_at: Open, vectors: Path) -> None:
    box = Box(told=described(backend="vllm", limits={"max_concurrency": 2}), pause_at=2)
    engine = await open_at(box)
    assert engine.info.lanes is LanePolicy.ONE_AT_A_TIME
    await engine.prepare()
    assert engine.info.lanes is LanePolicy.PARALLEL
    calm = await feature(engine, vectors / "calm.npz")
    streams = [engine.stream(asked((calm, 4.0), lanes=(lane,))) for lane in BOTH_LANES]
    firsts = [await anext(stream) for stream in streams]
    assert [event.token for event in firsts if isinstance(event, TokenEvent)] == [" the", " a"]
    for stream in streams:
        await stream.aclose()


async def test_an_eager_server_is_asked_for_one_thing_at_a_time_whatever_it_takes(open_at: Open) -> None:
    engine = await open_at(Box(told=described(limits={"max_concurrency": 2})))
    await engine.prepare()
    assert engine.info.lanes is LanePolicy.ONE_AT_A_TIME


async def test_after_a_lost_connection_the_server_is_asked_anew_what_it_has(open_at: Open) -> None:
    engine = await open_at(box := Box(cut_after=2))
    await failure_of(engine, asked(lanes=DEFAULT))
    box.cut_after, box.told = None, described()
    box.told["description"]["hf_model_id"] = "other/model"
    await events_of(engine, asked(lanes=DEFAULT))
    assert engine.info.model == "other/model"
    assert len(box.asked("/v1/describe")) == 2


async def test_after_a_refusal_it_is_not(open_at: Open) -> None:
    engine = await open_at(box := Box())
    await engine.prepare()
    box.problem = Refused(422, "no")
    await failure_of(engine, asked(lanes=DEFAULT))
    box.problem = None
    await events_of(engine, asked(lanes=DEFAULT))
    assert len(box.asked("/v1/describe")) == 1
