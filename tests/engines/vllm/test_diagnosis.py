"""A look at a server before it is used: what is there, what is wrong, and what to do."""

import socket

import pytest
from engines.vllm.box import EASY, KEY, LENS, MODEL, Box
from engines.vllm.conftest import Open
from loopback import Call
from pydantic import SecretStr

from steer_tui.cli.doctor import DEADLINE
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.looking import LOOK_SECONDS
from steer_tui.engines.services import Diagnosis
from steer_tui.engines.vllm import VllmLens


async def test_a_server_that_is_well_is_asked_for_no_text(open_at: Open, kind: str) -> None:
    box = Box(kind, key=KEY)
    engine = await open_at(box, key=SecretStr(KEY))
    assert await engine.diagnose() == Diagnosis(box.server.url, True, True, MODEL, None)
    assert all(call.method == "GET" for call in box.server.calls)


async def test_a_vllm_without_the_plugin(open_at: Open) -> None:
    found = await (await open_at(Box(LENS, captures=False))).diagnose()
    assert (found.is_reachable, found.model) == (True, MODEL)
    assert "has no vllm-lens" in str(found.problem)
    assert "VLLM_LENS_DISABLE" in str(found.hint)


async def test_a_vllm_that_is_not_easysteers(open_at: Open) -> None:
    box = Box(EASY)
    del box.server.routes["GET /v1/steering"]
    found = await (await open_at(box)).diagnose()
    assert (found.is_reachable, found.model) == (True, MODEL)
    assert "not EasySteer's" in str(found.problem)


@pytest.mark.parametrize(("key", "says"), [(None, "none is set"), (SecretStr("wrong"), "does not accept this key")])
async def test_a_key_that_is_missing_or_wrong(open_at: Open, kind: str, key: SecretStr | None, says: str) -> None:
    found = await (await open_at(Box(kind, key=KEY), key=key)).diagnose()
    assert (found.is_reachable, found.has_key, found.model) == (True, key is not None, None)
    assert says in str(found.problem)


async def test_another_model_than_the_one_that_is_set(open_at: Open, kind: str) -> None:
    found = await (await open_at(Box(kind), model="org/other")).diagnose()
    assert found.problem == "The server has no model org/other, but org/model."


async def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    engine = VllmLens(f"http://user:hidden@127.0.0.1:{port}/v1", directions=Directions())
    found = await engine.diagnose()
    await engine.aclose()
    assert (found.address, found.is_reachable) == (f"http://127.0.0.1:{port}", False)
    assert "hidden" not in repr(found)


async def test_a_server_that_is_silent(open_at: Open, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LOOK_SECONDS < DEADLINE
    monkeypatch.setattr("steer_tui.engines.looking.LOOK_SECONDS", 0.05)
    box = Box(kind)
    box.server.routes["GET /v1/models"] = Call.silence
    found = await (await open_at(box)).diagnose()
    assert (found.address, found.is_reachable) == (box.server.url, False)
    assert found.problem == f"{box.server.url} did not answer within 0.05 seconds."
