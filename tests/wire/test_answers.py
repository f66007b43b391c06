"""Answers that come over real sockets: in pieces, compressed, too long, or not what was asked for."""

import gzip
import zlib

import pytest
from loopback import Call

from steer_tui.domain import Malformed, Truncated
from steer_tui.wire import (
    EVENT_STREAM,
    JSON,
    NDJSON,
    ServerSentEvent,
    ask,
    ask_json,
    media_type,
    read_events,
    read_json,
    read_lines,
)


async def test_events_come_as_they_are_sent(serve) -> None:
    async def stream(call: Call) -> None:
        await call.start()
        for byte in "event: token\ndata: 海\n\n: alive\n\ndata: b\r\n\r\n".encode():
            await call.chunk(bytes([byte]))

    _, client = await serve(stream)
    async with ask(client, "GET", "/asked", expects=[EVENT_STREAM]) as answer:
        events = [event async for event in read_events(answer)]
    assert events == [ServerSentEvent("token", "海"), ServerSentEvent("message", "b")]


@pytest.mark.parametrize("cut", [b"data: b\n", b"data: b", b"dat"])
async def test_a_stream_that_ends_within_an_event_is_truncated_behind_those_that_are_whole(serve, cut: bytes) -> None:
    async def stream(call: Call) -> None:
        await call.start()
        await call.chunk(b"data: a\n\n: alive\n" + cut)

    _, client = await serve(stream)
    seen = []
    with pytest.raises(Truncated, match="middle of an event"):
        async with ask(client, "GET", "/asked", expects=[EVENT_STREAM]) as answer:
            async for event in read_events(answer):
                seen.append(event.data)  # noqa: PERF401  # what came before the error counts
    assert seen == ["a"]


async def test_lines_come_as_they_are_sent(serve) -> None:
    async def stream(call: Call) -> None:
        await call.start(content_type="application/x-ndjson")
        await call.chunk(b'{"type":"start"}\n{"ty')
        await call.chunk(b'pe":"done"}\n')

    _, client = await serve(stream)
    async with ask(client, "GET", "/asked", expects=[NDJSON]) as answer:
        assert [line["type"] async for line in read_lines(answer)] == ["start", "done"]


async def test_lines_that_end_with_the_connection_are_truncated_where_one_is_cut(serve) -> None:
    async def stream(call: Call) -> None:
        await call.head(headers={"Content-Type": "application/x-ndjson"})
        await call.write(b'{"type":"start"}\n{"ty')

    _, client = await serve(stream)
    seen = []
    with pytest.raises(Truncated):
        async with ask(client, "GET", "/asked", expects=[NDJSON]) as answer:
            async for line in read_lines(answer):
                seen.append(line)  # noqa: PERF401  # what came before the error counts
    assert seen == [{"type": "start"}]


async def test_compressed_answers_are_unpacked(serve) -> None:
    async def whole(call: Call) -> None:
        assert "gzip" in call.headers["accept-encoding"]
        await call.answer(gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})

    _, client = await serve(whole)
    assert await ask_json(client, "GET", "/asked") == {"a": 1}


async def test_compressed_events_come_as_they_are_flushed(serve) -> None:
    taken = []

    async def stream(call: Call) -> None:
        pack = zlib.compressobj(wbits=31)
        await call.start(headers={"Content-Encoding": "gzip"})
        for data in (b"data: a\n\n", b"data: b\n\n"):
            await call.chunk(pack.compress(data) + pack.flush(zlib.Z_SYNC_FLUSH))
        await call.silence()

    _, client = await serve(stream)
    async with ask(client, "GET", "/asked", expects=[EVENT_STREAM]) as answer:
        async for event in read_events(answer):
            taken.append(event.data)
            if event.data == "b":
                break
    assert taken == ["a", "b"]


async def test_a_compressed_answer_that_is_none_is_malformed(serve) -> None:
    async def lie(call: Call) -> None:
        await call.answer(b'{"a": 1}', headers={"Content-Encoding": "gzip"})

    _, client = await serve(lie)
    with pytest.raises(Malformed, match="unpacked"):
        await ask_json(client, "GET", "/asked")


async def test_an_answer_may_be_one_of_several_kinds(serve) -> None:
    async def cached(call: Call) -> None:
        await call.answer('{"STEERED": "s"}', content_type="Application/JSON; charset=utf-8")

    _, client = await serve(cached)
    async with ask(client, "GET", "/asked", expects=[EVENT_STREAM, JSON]) as answer:
        assert media_type(answer) == JSON
        assert await read_json(answer) == {"STEERED": "s"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [("text/html; charset=utf-8", "a web page"), ("text/plain", "something else"), ("", "something else")],
)
async def test_an_answer_of_another_kind_is_malformed(serve, kind: str, words: str) -> None:
    async def page(call: Call) -> None:
        await call.answer("<html>hello</html>", content_type=kind)

    server, client = await serve(page)
    with pytest.raises(Malformed) as caught:
        await ask_json(client, "GET", "/asked")
    assert caught.value.message == f"{server.url} answered with {words} where application/json was expected."


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"[" * 100_000, b'{"a": 1} {"b": 2}'])
async def test_a_body_that_is_not_json_is_malformed(serve, body: bytes) -> None:
    _, client = await serve(lambda call: call.answer(body))
    with pytest.raises(Malformed, match="not JSON"):
        await ask_json(client, "GET", "/asked")


async def test_a_body_without_an_end_is_given_up(serve) -> None:
    async def endless(call: Call) -> None:
        await call.start(content_type="application/json")
        while True:
            await call.chunk(b" " * 65536)

    server, client = await serve(endless)
    with pytest.raises(Malformed, match="more than 1,000,000 bytes"):
        await ask_json(client, "GET", "/asked", body_bytes=1_000_000)
    await server.calls[0].gone.wait()


async def test_where_nothing_is_expected_any_success_will_do_and_headers_of_one_request_travel(serve) -> None:
    async def nothing(call: Call) -> None:
        await call.answer(status=204, content_type="")

    server, client = await serve(nothing)
    async with ask(client, "GET", "/asked", headers={"Last-Event-ID": "a:7"}, expects=()) as response:
        assert response.status_code == 204
    assert (server.calls[0].headers["last-event-id"], server.calls[0].headers["accept"]) == ("a:7", "*/*")
