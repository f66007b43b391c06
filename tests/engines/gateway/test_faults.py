"""Streams that are not the protocol: an error that says so, and never a traceback."""

import json

import pytest
from engines.collecting import events_of, failure_of, words
from engines.gateway.asking import Delivered, asked
from engines.gateway.conftest import Open
from loopback import Call, Loopback

from steer_tui.domain import Lane, Malformed, SteerError, TimedOut, Truncated

STEERED = asked((Lane.STEERED,), watching=False)


def frame(number: int | str, name: str, data: object, run: str = "run-1") -> bytes:
    return f"id: {run}:{number}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()


def token(number: int, text: str) -> bytes:
    return frame(number, "token", {"token": text, "index": number - 1, "lane": "steered"})


def done(number: int) -> bytes:
    return frame(number, "done", {"lane": "steered", "finishReason": "complete"})


def box(*pieces: bytes, run: str | None = "run-1") -> Loopback:
    """A gateway whose streams are these pieces."""

    async def info(call: Call) -> None:
        await call.answer_json({"model": "m", "methods": ["additive", "of the future"], "new": {"things": 1}})

    async def generate(call: Call) -> None:
        await call.start(headers={} if run is None else {"Steer-Run": run})
        for piece in pieces:
            await call.chunk(piece)

    async def ended(call: Call) -> None:
        await call.answer(status=204)

    return Loopback({"GET /api/info": info, "POST /api/generate": generate, "DELETE /api/generate/run-1": ended})


async def test_what_we_do_not_know_is_passed_over(open_at: Open) -> None:
    new = frame(2, "applause", {"loud": True})
    named = frame(3, "token", {"token": "b", "index": 1, "lane": "steered", "mood": "good"})
    async with box(b": hello\n\nid: run-1:0\n\n", token(1, "a"), new, named, done(4)) as server:
        assert words(await events_of(open_at(server.url), STEERED)) == ["a", "b"]


async def test_an_event_that_comes_twice_is_one(open_at: Open) -> None:
    async with box(token(1, "a") + token(1, "a") + token(2, "b") + token(1, "a") + done(3)) as server:
        assert words(await events_of(open_at(server.url), STEERED)) == ["a", "b"]


async def test_an_event_that_is_missing_is_a_loss(open_at: Open) -> None:
    async with box(token(1, "a"), token(3, "c"), done(4)) as server:
        events, error = await failure_of(open_at(server.url), STEERED)
    assert words(events) == ["a"]
    assert isinstance(error, Truncated)


async def test_a_stream_without_ids_is_read_all_the_same(open_at: Open) -> None:
    pieces = [piece.partition(b"\n")[2] for piece in (token(1, "a"), token(2, "b"), done(3))]
    async with box(*pieces, run=None) as server:
        assert words(await events_of(open_at(server.url), STEERED)) == ["a", "b"]


async def test_a_stream_that_ends_too_soon(open_at: Open) -> None:
    async with box(token(1, "a")) as server:
        events, error = await failure_of(open_at(server.url), STEERED)
    assert words(events) == ["a"]
    assert isinstance(error, Truncated)
    assert "before the text did" in error.message


@pytest.mark.parametrize(("code", "kind"), [("out_of_time", TimedOut), ("cancelled", Truncated)])
async def test_what_the_gateway_itself_has_ended_is_not_begun_again(
    open_at: Open, code: str, kind: type[SteerError]
) -> None:
    async with box(token(1, "a"), frame(2, "error", {"message": "It is over.", "code": code})) as server:
        delivered = Delivered()
        with pytest.raises(kind, match="It is over") as caught:
            await delivered.bring(open_at(server.url), STEERED)
    assert words(delivered.events) == ["a"]
    assert not caught.value.passing
    assert len([call for call in server.calls if call.path == "/api/generate"]) == 1


async def test_what_follows_the_end_is_not_waited_for(open_at: Open) -> None:
    async with box(token(1, "a"), done(2), b"event: token\ndata: nonsense\n\n") as server:
        assert words((await Delivered().bring(open_at(server.url), STEERED)).events) == ["a"]


@pytest.mark.parametrize(
    "broken",
    [
        b"id: run-1:1\nevent: token\ndata: nonsense\n\n",
        b"id: run-1:1\nevent: token\ndata: []\n\n",
        b"id: run-1:x\nevent: token\ndata: {}\n\n",
        b"id: run-1\nevent: token\ndata: {}\n\n",
        b"event: token\ndata: {}\n\n",
        frame(1, "token", {"token": "a", "index": 0, "lane": "steered"}, run="another"),
        frame("\u0661", "token", {"token": "a", "index": 0, "lane": "steered"}),
        frame("9" * 40, "token", {"token": "a", "index": 0, "lane": "steered"}),
        frame(1, "token", {"token": 1, "index": 0, "lane": "steered"}),
        frame(1, "token", {"token": "a", "index": True, "lane": "steered"}),
        frame(1, "token", {"token": "a", "index": 0, "lane": ["steered"]}),
        frame(1, "done", {"lane": "steered", "finishReason": "bored"}),
        frame(1, "activation", {"tokenIndex": 0, "lane": "steered", "features": [{"id": "a", "label": "b"}]}),
        frame(1, "activation", {"tokenIndex": 0, "lane": "steered", "features": [7]}),
        frame(1, "rewind", {"lane": "steered", "keep": -1}),
        frame(1, "error", {"message": None, "code": "x"}),
        pytest.param(b"data: " + b"x" * (1024 * 1024 + 10), id="a line without an end"),
    ],
)
async def test_a_frame_that_cannot_be(open_at: Open, broken: bytes) -> None:
    async with box(broken) as server:
        events, error = await failure_of(open_at(server.url), STEERED)
        assert events == []
        assert isinstance(error, Malformed)


@pytest.mark.parametrize("name", ["", "a b", "../../secrets", "é", "x" * 300])
async def test_a_name_that_is_none(open_at: Open, name: str) -> None:
    async with box(token(1, "a"), done(2), run=name) as server:
        _, error = await failure_of(open_at(server.url), STEERED)
    assert isinstance(error, Malformed)
    assert not name or name not in error.message


async def test_tokens_out_of_order_break_no_screen(open_at: Open) -> None:
    async with box(token(1, "a"), frame(2, "token", {"token": "c", "index": 7, "lane": "steered"}), done(3)) as server:
        delivered = await Delivered().bring(open_at(server.url), STEERED)
    with pytest.raises(Malformed, match="number 7"):
        assert delivered.transcript


async def test_a_web_page_is_no_gateway(open_at: Open) -> None:
    async def page(call: Call) -> None:
        await call.answer("<html>", content_type="text/html")

    async with Loopback({"GET /api/info": page}) as server:
        _, error = await failure_of(open_at(server.url), STEERED)
    assert isinstance(error, Malformed)
    assert "a web page" in error.message


@pytest.mark.parametrize(
    "told", [{}, [], {"model": 7}, {"model": "m", "methods": "additive"}, {"model": "m", "quota": 3}]
)
async def test_a_description_that_cannot_be(open_at: Open, told: object) -> None:
    async def info(call: Call) -> None:
        await call.answer_json(told)

    async with Loopback({"GET /api/info": info}) as server:
        _, error = await failure_of(open_at(server.url), STEERED)
    assert isinstance(error, Malformed)
