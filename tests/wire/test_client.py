"""The client on real sockets: what it sends, to whom, and for how long it waits."""

import asyncio

import httpx
import pytest
from loopback import Call, Loopback

from steer_tui import __version__
from steer_tui.domain import Malformed, Rejected, Unauthorized, Unsupported
from steer_tui.wire import CONNECT_SECONDS, EVENT_STREAM, ask, ask_json, connect, read_events


async def say_yes(call: Call) -> None:
    await call.answer_json({"said": "yes"})


async def test_a_request_says_who_asks_for_what(serve) -> None:
    server, client = await serve(say_yes, {"x-api-key": "the-key"})
    assert await ask_json(client, "POST", "/asked", body={"prompt": "海 \ud83d"}) == {"said": "yes"}
    (call,) = server.calls
    assert (call.method, call.path) == ("POST", "/asked")
    assert call.headers["user-agent"] == f"steer-tui/{__version__}"
    assert call.headers["x-api-key"] == "the-key"
    assert call.headers["accept"] == call.headers["content-type"] == "application/json"
    assert call.json == {"prompt": "海 \ud83d"}


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
async def test_a_number_that_json_does_not_have_never_leaves(serve, number: float) -> None:
    server, client = await serve(say_yes)
    with pytest.raises(Rejected, match="too large"):
        await ask_json(client, "POST", "/asked", body={"strength": number})
    assert server.calls == []


async def test_paths_follow_the_path_of_the_address() -> None:
    async with Loopback({"GET /base/v1/asked": say_yes}) as server, await connect(f"{server.url}/base/") as client:
        assert await ask_json(client, "GET", "/v1/asked") == {"said": "yes"}


@pytest.mark.parametrize("kind", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_no_key_goes_there(serve, kind: int) -> None:
    async with Loopback({"POST /elsewhere": say_yes}) as other:

        async def point_elsewhere(call: Call) -> None:
            await call.answer(status=kind, headers={"Location": f"{other.url}/elsewhere?secret=1"})

        server, client = await serve(point_elsewhere, {"authorization": "Bearer the-key"})
        with pytest.raises(Malformed) as caught:
            await ask_json(client, "POST", "/asked", body={})
        assert other.calls == []
    assert caught.value.message.startswith(f"{server.url} points to {other.url}, ")
    assert "secret" not in caught.value.message + caught.value.hint


async def test_a_redirect_to_another_path_is_not_followed_either(serve) -> None:
    async def point_to_itself(call: Call) -> None:
        await call.answer(status=308, headers={"Location": "/asked/"})

    server, client = await serve(point_to_itself)
    with pytest.raises(Malformed, match="another path of its own"):
        await ask_json(client, "GET", "/asked")
    assert len(server.calls) == 1


async def test_a_request_to_another_origin_never_leaves(serve) -> None:
    async with Loopback({"GET /asked": say_yes}) as other:
        _, client = await serve(say_yes, {"x-api-key": "the-key"})
        with pytest.raises(Unsupported):
            await ask_json(client, "GET", f"{other.url}/asked")
        assert other.calls == []


async def test_this_machine_is_asked_past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with Loopback({"GET /asked": say_yes}) as server, await connect(server.url) as client:
        assert await ask_json(client, "GET", "/asked") == {"said": "yes"}


async def test_a_proxy_that_cannot_be_used_is_told_without_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://user:secret@proxy.example")
    with pytest.raises(Unsupported) as caught:
        await connect("https://models.example")
    assert "secret" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost:8000",
        "ftp://host",
        "http://",
        "http://[::1",
        "http://host:0",
        "http://host:99999",
        "http://h?key=s3cret",
    ],
)
async def test_an_address_where_nothing_can_be_asked_is_refused(address: str) -> None:
    with pytest.raises(Rejected) as caught:
        await connect(address)
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize("key", ["", " ", "s3cret\n", "s3c\r\nret", "s3crét", "s3cret\0"])
async def test_a_key_that_no_header_can_carry_is_refused_without_being_told(key: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        await connect("http://127.0.0.1:1", {"x-api-key": key})
    assert "x-api-key" in caught.value.message
    assert "s3c" not in repr(caught.value)


async def test_the_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    make = httpx.create_ssl_context
    monkeypatch.setattr("steer_tui.wire.client._trusted", None)
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: made.append(make()) or made[-1])
    clients = await asyncio.gather(*(connect("https://models.example") for _ in range(4)))
    for client in clients:
        await client.aclose()
    assert len(made) == 1


async def test_only_connecting_has_a_deadline() -> None:
    async with await connect("http://127.0.0.1:1") as client:
        assert client.timeout == httpx.Timeout(None, connect=CONNECT_SECONDS)


async def test_leaving_the_answer_closes_the_connection(serve) -> None:
    async def stream(call: Call) -> None:
        await call.start()
        await call.chunk(b"data: a\n\n")
        await call.silence()

    server, client = await serve(stream)
    async with ask(client, "GET", "/asked", expects=[EVENT_STREAM]) as answer:
        async for event in read_events(answer):
            assert event.data == "a"
            break
    await asyncio.wait_for(server.calls[0].gone.wait(), 10)


async def test_closing_a_generator_that_reads_closes_the_connection(serve) -> None:
    async def stream(call: Call) -> None:
        await call.start()
        await call.chunk(b"data: a\n\n")
        await call.silence()

    server, client = await serve(stream)

    async def generate():
        async with ask(client, "GET", "/asked", expects=[EVENT_STREAM]) as answer:
            async for event in read_events(answer):
                yield event.data

    generator = generate()
    assert await anext(generator) == "a"
    await generator.aclose()
    await asyncio.wait_for(server.calls[0].gone.wait(), 10)


@pytest.mark.parametrize("answered", ["headers", "nothing"])
async def test_a_cancelled_request_closes_the_connection(serve, answered: str) -> None:
    reached = asyncio.Event()

    async def stay_silent(call: Call) -> None:
        if answered == "headers":
            await call.start()
        reached.set()
        await call.silence()

    server, client = await serve(stay_silent)

    async def listen() -> None:
        async with ask(client, "GET", "/asked", expects=[EVENT_STREAM]) as answer:
            async for _ in read_events(answer):
                pass

    listening = asyncio.create_task(listen())
    await reached.wait()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    await asyncio.wait_for(server.calls[0].gone.wait(), 10)


async def test_many_streams_run_at_once(serve) -> None:
    everyone = asyncio.Barrier(30)

    async def stream(call: Call) -> None:
        await everyone.wait()
        await call.answer_json({})

    _, client = await serve(stream)
    assert await asyncio.gather(*(ask_json(client, "GET", "/asked") for _ in range(30))) == [{}] * 30
