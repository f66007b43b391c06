"""Connections that fail, on real sockets: each is an error of ours, which names the server and nothing secret."""

import asyncio
import ssl

import httpx
import pytest
from loopback import Call, Loopback

from steer_tui.domain import Malformed, Rejected, SteerError, TimedOut, Truncated, Unreachable
from steer_tui.wire import EVENT_STREAM, ask, ask_json, connect, read_events
from steer_tui.wire.failures import answering_failure, asking_failure, translating

HERE = "http://127.0.0.1:5002"


async def failure_at(address: str) -> SteerError:
    async with await connect(address) as client:
        with pytest.raises(SteerError) as caught:
            await ask_json(client, "GET", "/asked?token=s3cret")
    assert "s3cret" not in caught.value.message + caught.value.hint
    return caught.value


async def test_a_port_where_nobody_listens_is_unreachable() -> None:
    async with Loopback({}) as server:
        pass
    error = await failure_at(server.url.replace("http://", "http://me:s3cret@"))
    assert isinstance(error, Unreachable)
    assert error.message == f"Nothing answers at {server.url}: the connection was refused."
    assert isinstance(error.__cause__, httpx.ConnectError)


@pytest.mark.parametrize("host", ["nobody.invalid", "a..b", "a" * 70 + ".invalid"])
async def test_a_name_that_is_not_known_is_unreachable(host: str) -> None:
    error = await failure_at(f"http://{host}")
    assert isinstance(error, Unreachable)
    assert error.message == f"The name in http://{host} is not known."


@pytest.mark.parametrize("farewell", [Call.cut, Call.reset], ids=["closed", "reset"])
async def test_a_connection_that_ends_before_the_answer_is_unreachable(serve, farewell) -> None:
    server, client = await serve(farewell)
    with pytest.raises(Unreachable) as caught:
        await ask_json(client, "GET", "/asked")
    assert server.url in caught.value.message


async def test_an_answer_that_is_not_http_is_malformed(serve) -> None:
    _, client = await serve(lambda call: call.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"))
    with pytest.raises(Malformed, match="not HTTP"):
        await ask_json(client, "GET", "/asked")


@pytest.mark.parametrize("farewell", [Call.cut, Call.reset], ids=["closed", "reset"])
async def test_a_stream_whose_connection_ends_within_is_truncated_after_its_events(serve, farewell) -> None:
    read = asyncio.Event()

    async def stream(call: Call) -> None:
        await call.start()
        await call.chunk(b"data: a\n\ndata: b")
        await read.wait()
        await farewell(call)

    server, client = await serve(stream)
    seen = []
    with pytest.raises(Truncated) as caught:
        async with ask(client, "GET", "/asked", expects=[EVENT_STREAM]) as answer:
            async for event in read_events(answer):
                seen.append(event.data)
                read.set()
    assert seen == ["a"]
    assert server.url in caught.value.message
    assert isinstance(caught.value.__cause__, httpx.TransportError)


async def test_a_body_shorter_than_it_said_is_truncated(serve) -> None:
    async def stop_short(call: Call) -> None:
        await call.head(headers={"Content-Type": "application/json", "Content-Length": "100"})
        await call.write(b'{"a": 1}')

    _, client = await serve(stop_short)
    with pytest.raises(Truncated):
        await ask_json(client, "GET", "/asked")


async def test_a_broken_chunk_is_truncated(serve) -> None:
    async def break_off(call: Call) -> None:
        await call.start(content_type="application/json")
        await call.write(b"zz\r\nnonsense")
        await call.cut()

    _, client = await serve(break_off)
    with pytest.raises(Truncated):
        await ask_json(client, "GET", "/asked")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectTimeout("s3cret"), TimedOut),
        (httpx.ReadTimeout("s3cret"), TimedOut),
        (httpx.ConnectError("s3cret"), Unreachable),
        (httpx.ProxyError("s3cret"), Unreachable),
        (httpx.WriteError("s3cret"), Unreachable),
        (httpx.LocalProtocolError("s3cret"), Rejected),
        (httpx.UnsupportedProtocol("s3cret"), Rejected),
        (ssl.SSLError("s3cret"), Unreachable),
    ],
)
def test_what_fails_before_an_answer(error: Exception, kind: type[SteerError]) -> None:
    with pytest.raises(kind) as caught, translating(asking_failure, HERE):
        raise error
    assert HERE in caught.value.message
    assert "s3cret" not in caught.value.message + caught.value.hint
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ReadTimeout("s3cret"), TimedOut),
        (httpx.ReadError("s3cret"), Truncated),
        (httpx.RemoteProtocolError("s3cret"), Truncated),
        (httpx.DecodingError("s3cret"), Malformed),
    ],
)
def test_what_fails_within_an_answer(error: Exception, kind: type[SteerError]) -> None:
    with pytest.raises(kind) as caught, translating(answering_failure, HERE):
        raise error
    assert HERE in caught.value.message
    assert "s3cret" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("passing", [asyncio.CancelledError(), TimeoutError(), Truncated("as it was"), KeyError("bug")])
def test_what_is_not_the_connections_passes_untouched(passing: BaseException) -> None:
    with pytest.raises(type(passing)) as caught, translating(answering_failure, HERE):
        raise passing
    assert caught.value is passing
