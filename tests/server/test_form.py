"""The form of a stream on the wire: heartbeats, gzip that holds nothing back, writes that are put together."""

import asyncio
import gzip
import time
import zlib

import pytest
from scripted_engine import Gate, ScriptedEngine, speaking, token
from server.talking import asked, events_in, gateway, numbers_of, raw, raw_post, text_of, until


async def test_a_quiet_stream_shows_that_it_lives():
    engine = ScriptedEngine(speaking(gate := Gate()))
    async with gateway(engine, heartbeat_seconds=0.05) as there:
        reader, writer = await raw(there.port, raw_post(b'{"prompt": "a"}', "Connection: close"))
        async with asyncio.timeout(10):
            for _ in range(3):
                await reader.readuntil(b": still here\n\n")
            gate.open()
            rest = await reader.read()
        writer.close()
    assert b"event: done" in rest


async def test_gzip_holds_no_token_back():
    engine = ScriptedEngine(speaking(gate := Gate()))
    async with gateway(engine) as there, there.stream(**{"Accept-Encoding": "gzip"}) as stream:
        assert stream.response.headers["content-encoding"] == "gzip"
        assert stream.response.headers["vary"] == "Accept-Encoding"
        got = []
        for _ in range(9):
            gate.let()
            got += await stream.next()
        assert text_of(got) == " the sea was calm and the night was long"


async def test_a_cut_gzip_stream_is_whole_up_to_where_it_was_cut():
    engine = ScriptedEngine(speaking(gate := Gate()))
    async with gateway(engine) as there:
        head = ("Accept-Encoding: gzip", "Connection: close")
        reader, writer = await raw(there.port, raw_post(b'{"prompt": "a"}', *head))
        await reader.readuntil(b"\r\n\r\n")
        squeezed = b""
        for count in range(1, 4):
            gate.let()
            while events_in(zlib.decompressobj(47).decompress(squeezed))[count - 1 :] == []:
                size = int((await reader.readline()).strip(), 16)
                squeezed += await reader.readexactly(size)
                await reader.readline()
        writer.close()
    assert numbers_of(events_in(zlib.decompressobj(47).decompress(squeezed))) == [1, 2, 3]


@pytest.mark.parametrize("wanted", ["identity", "", "gzip;q=0", "br", "gzip;q=0.000;x", "gzip;q = .0, br"])
async def test_who_does_not_ask_for_gzip_gets_none(wanted):
    async with gateway(ScriptedEngine()) as there:
        answer = await there.post(asked(), **{"Accept-Encoding": wanted})
        document = await there.get("/openapi.json", **{"Accept-Encoding": wanted})
    assert "content-encoding" not in answer.headers
    assert "content-encoding" not in document.headers


async def test_a_large_answer_is_squeezed_and_a_small_one_is_not():
    async with gateway(ScriptedEngine()) as there:
        large = await there.client.send(there.client.build_request("GET", "/openapi.json"), stream=True)
        raw_bytes = b"".join([piece async for piece in large.aiter_raw()])
        small = await there.get("/health")
    assert large.headers["content-encoding"] == "gzip"
    assert int(large.headers.get("content-length", len(raw_bytes))) == len(raw_bytes)
    assert b'"openapi"' in gzip.decompress(raw_bytes)
    assert "content-encoding" not in small.headers


async def test_what_comes_fast_leaves_in_few_writes():
    def fast(request):
        for index in range(500):
            yield token("x", index)

    engine = ScriptedEngine(fast)
    async with gateway(engine) as there:
        reader, writer = await raw(there.port, raw_post(b'{"prompt": "a"}', "Connection: close"))
        await reader.readuntil(b"\r\n\r\n")
        chunks = 0
        while size := int((await reader.readline()).strip(), 16):
            await reader.readexactly(size + 2)
            chunks += 1
        writer.close()
    assert chunks < 50


async def test_a_slow_token_is_not_held_back():
    engine = ScriptedEngine(speaking(gate := Gate()))
    async with gateway(engine, heartbeat_seconds=100) as there, there.stream() as stream:
        gate.let()
        await stream.next()
        await asyncio.sleep(0.05)
        began = time.monotonic()
        gate.let()
        await stream.next()
        assert time.monotonic() - began < 5
        assert await stream.response.aclose() is None
        await until(lambda: engine.requests)


async def test_proxies_are_told_to_keep_their_hands_off():
    async with gateway(ScriptedEngine()) as there:
        answer = await there.post(asked())
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "server" not in answer.headers
