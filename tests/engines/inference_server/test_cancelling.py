"""A stream that is given up may leave the server's only slot locked; looks at /health free it."""

import asyncio
from contextlib import aclosing

from engines.collecting import events_of, failure_of, words
from engines.inference_server.asking import SEA, asked
from engines.inference_server.box import VLLM, Box, completion, frame
from engines.inference_server.conftest import Open
from loopback import Call

from steer_tui.domain import TokenEvent
from steer_tui.engines.inference_server import InferenceServer

SOON = 0.4
"""Seconds before another look: after both that follow a stream that was given up."""


async def read_one(engine: InferenceServer) -> None:
    """Read the first token of a stream, and give it up."""
    async with aclosing(engine.stream(asked())) as stream:
        async for event in stream:
            assert isinstance(event, TokenEvent)
            break


async def test_a_stream_that_is_given_up_is_closed_and_followed_by_two_looks(open_at: Open) -> None:
    box = Box()
    box.pause.clear()
    engine = await open_at(box)
    await read_one(engine)
    await box.asked("/v1/steer/completion")[0].gone.wait()
    await engine.aclose()
    assert len(box.asked("/health")) == 2


async def test_a_reader_that_is_cancelled_while_the_server_is_silent_is_followed_by_two_looks(open_at: Open) -> None:
    box = Box()
    began = asyncio.Event()

    async def silence(call: Call) -> None:
        began.set()
        await call.silence()

    box.server.routes["POST /v1/steer/completion"] = silence
    engine = await open_at(box)
    reading = asyncio.create_task(events_of(engine, asked()))
    await began.wait()
    reading.cancel()
    await asyncio.wait([reading])
    assert reading.cancelled()
    await box.asked("/v1/steer/completion")[0].gone.wait()
    await engine.aclose()
    assert len(box.asked("/health")) == 2


async def test_the_looks_free_the_slot_for_the_next_request(open_at: Open) -> None:
    box = Box(looks_to_free=2)
    box.pause.clear()
    engine = await open_at(box)
    await read_one(engine)
    box.pause.set()
    assert words(await events_of(engine, asked())) == [" the", " sea", " is", " deep"]
    assert len(box.asked("/health")) == 2


async def test_a_request_that_still_finds_the_slot_locked_looks_again(open_at: Open) -> None:
    box = Box(looks_to_free=3)
    box.pause.clear()
    engine = await open_at(box, patience=SOON)
    await read_one(engine)
    box.pause.set()
    assert words(await events_of(engine, asked())) == [" the", " sea", " is", " deep"]
    looks = len(box.asked("/health"))
    assert looks >= 3
    await events_of(engine, asked())
    assert len(box.asked("/health")) == looks


async def test_a_reading_that_finds_the_slot_locked_looks_again_too(open_at: Open) -> None:
    box = Box(looks_to_free=3)
    box.pause.clear()
    read = box.server.routes["POST /v1/activation/single"]

    async def wait_and_read(call: Call) -> None:
        async with box.freed:
            await box.freed.wait_for(lambda: not box.locked_for)
        await read(call)

    box.server.routes["POST /v1/activation/single"] = wait_and_read
    engine = await open_at(box, patience=SOON)
    await read_one(engine)
    assert (await engine.reread("the sea", [SEA])).tokens == ("the ", "sea")
    assert len(box.asked("/health")) >= 3


async def test_a_stop_text_gives_the_rest_up(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    await events_of(engine, asked(stop=("sea",)))
    await engine.aclose()
    assert len(box.asked("/health")) == 2


async def test_a_stream_that_was_cut_may_have_left_the_slot_locked_too(open_at: Open) -> None:
    box = Box()

    async def cut(call: Call) -> None:
        await call.start()
        await call.chunk(frame(completion("STEERED", " the")))
        await call.cut()

    box.server.routes["POST /v1/steer/completion"] = cut
    engine = await open_at(box)
    await failure_of(engine, asked())
    await engine.aclose()
    assert len(box.asked("/health")) == 2


async def test_vllm_has_no_slot_to_free(open_at: Open) -> None:
    box = Box(capabilities=VLLM)
    box.pause.clear()
    engine = await open_at(box)
    await read_one(engine)
    await engine.aclose()
    assert box.asked("/health") == []


async def test_a_text_that_was_read_to_its_end_is_followed_by_nothing(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    await events_of(engine, asked())
    await engine.aclose()
    assert box.asked("/health") == []


async def test_looks_at_a_server_that_is_gone_end_with_it(open_at: Open) -> None:
    box = Box()
    box.pause.clear()
    engine = await open_at(box)
    await read_one(engine)
    box.server._server.close()
    await engine.aclose()
