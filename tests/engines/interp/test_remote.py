"""A server that runs somewhere: waited for while it loads, and told of at once where it is not there."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from engines.interp.processes import until
from loopback import Call, Loopback
from pydantic import SecretStr

from steer_tui.domain import Malformed, NotFound, Rejected, SteerError, Unauthorized, Unreachable
from steer_tui.engines.interp.serving import remote
from steer_tui.engines.interp.serving.remote import Remote


class Answers:
    """A server whose /health says what the test sets."""

    def __init__(self, status: str = "ready", **more: str) -> None:
        self.say(status, **more)
        self.server = Loopback({"GET /health": self._health})

    def say(self, status: str, **more: str) -> None:
        self.body = {"status": status, "model": "google/gemma-2-2b"} | more

    async def _health(self, call: Call) -> None:
        await call.answer_json(self.body, 200 if self.body["status"] == "ready" else 503)


@asynccontextmanager
async def remote_of(answers: Answers, key: str | None = None, path: str = "") -> AsyncGenerator[Remote, None]:
    async with answers.server:
        server = Remote(answers.server.url + path, None if key is None else SecretStr(key))
        try:
            yield server
        finally:
            await server.aclose()


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "LOOK_PAUSE_SECONDS", 0.01)


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_one_that_is_ready_answers_with_its_address_and_the_token(path: str) -> None:
    answers = Answers()
    async with remote_of(answers, "a-token", path) as server:
        found = await server.address()
        assert found.url == answers.server.url
        assert found.token is not None
        assert found.token.get_secret_value() == "a-token"
        assert answers.server.calls[0].headers["authorization"] == "Bearer a-token"


async def test_one_without_a_token_is_asked_without() -> None:
    answers = Answers()
    async with remote_of(answers) as server:
        assert (await server.address()).token is None
        assert "authorization" not in answers.server.calls[0].headers


async def test_one_that_is_loading_is_waited_for_and_told_of() -> None:
    answers = Answers("loading")
    async with remote_of(answers) as server:
        assert server.loading is None
        address = asyncio.create_task(server.address())
        await until(lambda: server.loading and len(answers.server.calls) > 2)
        told = server.loading
        assert told is not None
        assert told.stage == "the server loads google/gemma-2-2b"
        assert told.last_line is None
        answers.say("ready")
        await address
        assert server.loading is None


async def test_several_who_wait_look_once() -> None:
    answers = Answers()
    async with remote_of(answers) as server:
        await asyncio.gather(*(server.address() for _ in range(5)))
        await server.address()
        assert len(answers.server.calls) == 1


async def test_one_that_was_ready_a_while_ago_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "TRUST_SECONDS", 0.0)
    answers = Answers()
    async with remote_of(answers) as server:
        await server.address()
        answers.say("failed", error="CUDA error: device-side assert triggered")
        with pytest.raises(Rejected, match="device-side assert"):
            await server.address()


async def test_when_nobody_waits_any_more_it_is_looked_at_no_more() -> None:
    answers = Answers("loading")
    async with remote_of(answers) as server:
        address = asyncio.create_task(server.address())
        await until(lambda: server.loading)
        address.cancel()
        await asyncio.wait([address])
        assert server.loading is None
        answers.say("ready")
        assert (await server.address()).url == answers.server.url


async def test_a_model_that_could_not_be_loaded_is_told_in_the_servers_words() -> None:
    said = "OSError: nobody/nothing is not a local folder and is not a valid model identifier\nIf \x1b[1mthis\u202e"
    async with remote_of(Answers("failed", error=said)) as server:
        with pytest.raises(Rejected) as raised:
            await server.address()
    assert raised.value.message.startswith("The server could not load google/gemma-2-2b: OSError: nobody/nothing is")
    assert not set("\n\x1b\u202e") & set(raised.value.message)
    assert "folder" in raised.value.hint


async def test_one_that_is_not_there_is_told_of_at_the_first_look() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    server = Remote(f"http://127.0.0.1:{port}", SecretStr("hidden"))
    with pytest.raises(Unreachable, match="refused") as raised:
        await server.address()
    assert "hidden" not in repr(raised.value)
    assert server.loading is None
    await server.aclose()


async def test_one_that_goes_down_while_it_loads_is_told_of() -> None:
    answers = Answers("loading")
    async with remote_of(answers) as server:
        address = asyncio.create_task(server.address())
        await until(lambda: server.loading)
        answers.server.routes["GET /health"] = Call.reset
        with pytest.raises(Unreachable):
            await address


async def _page(call: Call) -> None:
    await call.answer("<html></html>", content_type="text/html")


async def _busy_page(call: Call) -> None:
    await call.answer("<html></html>", 503, content_type="text/html")


async def _other_words(call: Call) -> None:
    await call.answer_json({"status": "healthy"})


async def _locked(call: Call) -> None:
    await call.answer_json({"detail": "missing or wrong bearer token"}, 401)


async def _elsewhere(call: Call) -> None:
    await call.answer_json({}, 302, headers={"Location": "https://elsewhere.example/health"})


async def _endless(call: Call) -> None:
    await call.answer(b"[" * 100_000)


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (None, NotFound, "no interp-engine server"),
        (_page, Malformed, "does not say how it is"),
        (_busy_page, Malformed, "does not say how it is"),
        (_other_words, Malformed, "does not say how it is"),
        (_endless, Malformed, "bytes"),
        (_locked, Unauthorized, "missing or wrong bearer token"),
        (_elsewhere, Malformed, "points to https://elsewhere.example"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_is_no_such_server_is_told(answer: Any, kind: type[SteerError], says: str) -> None:
    answers = Answers()
    if answer is None:
        del answers.server.routes["GET /health"]
    else:
        answers.server.routes["GET /health"] = answer
    async with remote_of(answers) as server:
        with pytest.raises(kind, match=says):
            await server.address()


async def test_a_close_while_it_loads_tells_who_waits() -> None:
    answers = Answers("loading")
    async with remote_of(answers) as server:
        address = asyncio.create_task(server.address())
        await until(lambda: server.loading)
        await server.aclose()
        with pytest.raises(Rejected, match="closed"):
            await address
        with pytest.raises(Rejected, match="closed"):
            await server.address()
