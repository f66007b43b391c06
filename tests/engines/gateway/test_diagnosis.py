"""A look at a gateway before it is used: what is there, what is wrong, and what to do."""

import socket

import pytest
from engines.gateway.conftest import Open, Serve
from loopback import Call, Loopback
from scripted_engine import ScriptedEngine

from steer_tui.cli.doctor import DEADLINE
from steer_tui.engines import Prepares
from steer_tui.engines.looking import LOOK_SECONDS
from steer_tui.engines.services import Diagnoses, Diagnosis

TOKEN = "s3cret-token-of-the-lab"


async def test_a_gateway_that_is_well(serve: Serve, open_at: Open) -> None:
    url = await serve(ScriptedEngine(), tokens=(TOKEN,), rate_limit="10/minute")
    engine = open_at(f" {url}/ ", TOKEN)
    assert isinstance(engine, Diagnoses)
    assert isinstance(engine, Prepares)
    assert await engine.diagnose() == Diagnosis(url, True, True, "stories-0M", 10)


@pytest.mark.parametrize("key", [None, TOKEN + "-another"])
async def test_a_token_that_is_missing_or_wrong(serve: Serve, open_at: Open, key: str | None) -> None:
    found = await open_at(await serve(ScriptedEngine(), tokens=(TOKEN,)), key).diagnose()
    assert (found.is_reachable, found.has_key, found.model) == (True, key is not None, None)
    assert "token" in str(found.problem)
    assert "token" in str(found.hint)
    assert TOKEN not in repr(found)


async def test_nobody_there(open_at: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    found = await open_at(f"http://user:hidden@127.0.0.1:{port}").diagnose()
    assert (found.address, found.is_reachable) == (f"http://127.0.0.1:{port}", False)
    assert "refused" in str(found.problem)
    assert "hidden" not in repr(found)


async def test_an_address_that_is_none(open_at: Open) -> None:
    found = await open_at("nonsense").diagnose()
    assert (found.address, found.is_reachable) == (None, False)
    assert found.problem


async def test_another_kind_of_server(open_at: Open) -> None:
    async with Loopback({}) as server:
        found = await open_at(server.url).diagnose()
    assert found.is_reachable
    assert found.problem == f"{server.url} is no gateway, or one of another version."


async def test_a_gateway_that_is_silent(open_at: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LOOK_SECONDS < DEADLINE
    monkeypatch.setattr("steer_tui.engines.looking.LOOK_SECONDS", 0.05)
    async with Loopback({"GET /api/info": Call.silence}) as server:
        found = await open_at(server.url).diagnose()
        assert (found.address, found.is_reachable) == (server.url, False)
        assert found.problem == f"{server.url} did not answer within 0.05 seconds."


async def test_it_is_asked_once_until_it_was_lost(open_at: Open) -> None:
    async def info(call: Call) -> None:
        await call.answer_json({"model": f"model {len(server.calls)}"})

    async with Loopback({"GET /api/info": info}) as server:
        engine = open_at(server.url)
        await engine.prepare()
        await engine.prepare()
        assert engine.info.model == "model 1"
        assert (await engine.diagnose()).model == "model 2"
        assert engine.info.model == "model 2"
