"""A look at a server before it is used: what is there, what is wrong, and what to do."""

import gzip
import json
import socket

import pytest
from engines.inference_server.box import Box
from engines.inference_server.conftest import Open
from loopback import Call
from pydantic import SecretStr

from steer_tui.cli.doctor import DEADLINE
from steer_tui.engines import Prepares
from steer_tui.engines.inference_server import InferenceServer
from steer_tui.engines.looking import LOOK_SECONDS
from steer_tui.engines.services import Diagnoses, Diagnosis


async def test_a_server_that_is_well(open_at: Open) -> None:
    box = Box()
    engine = await open_at(box)
    assert isinstance(engine, Diagnoses)
    assert isinstance(engine, Prepares)
    assert await engine.diagnose() == Diagnosis(box.server.url, True, False, "gpt2-small", None)


async def test_a_server_that_is_loading(open_at: Open) -> None:
    box = Box(problem="Server not initialized.")
    engine = await open_at(box)
    diagnosis = await engine.diagnose()
    assert (diagnosis.is_reachable, diagnosis.model) == (True, None)
    assert diagnosis.problem == f"{box.server.url} is still loading its model."
    box.problem = None
    assert (await engine.diagnose()).problem is None


@pytest.mark.parametrize(("key", "says"), [(None, "none is set"), (SecretStr("wrong"), "does not accept this key")])
async def test_a_key_that_is_missing_or_wrong(open_at: Open, key: SecretStr | None, says: str) -> None:
    diagnosis = await (await open_at(Box(secret="right"), key=key)).diagnose()
    assert (diagnosis.is_reachable, diagnosis.has_key) == (True, key is not None)
    assert says in str(diagnosis.problem)
    assert "SECRET" in str(diagnosis.hint)


async def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    engine = InferenceServer(f"http://user:hidden@127.0.0.1:{port}/v1?")
    diagnosis = await engine.diagnose()
    await engine.aclose()
    assert (diagnosis.address, diagnosis.is_reachable) == (f"http://127.0.0.1:{port}", False)
    assert "refused" in str(diagnosis.problem)
    assert "hidden" not in repr(diagnosis)


async def test_an_address_that_is_none() -> None:
    diagnosis = await InferenceServer("nonsense").diagnose()
    assert (diagnosis.address, diagnosis.is_reachable) == (None, False)
    assert diagnosis.problem


async def test_another_model_than_the_one_that_is_set(open_at: Open) -> None:
    diagnosis = await (await open_at(Box(), model="google/gemma-2-2b")).diagnose()
    assert diagnosis.model == "gpt2-small"
    assert diagnosis.problem == "The server has the model gpt2-small, and google/gemma-2-2b is set."


async def test_the_same_model_under_a_longer_name(open_at: Open) -> None:
    assert (await (await open_at(Box(), model="openai/GPT2-small")).diagnose()).problem is None


async def test_a_web_page(open_at: Open) -> None:
    box = Box()

    async def page(call: Call) -> None:
        await call.answer("<html></html>", content_type="text/html")

    box.server.routes["GET /v1/capabilities"] = page
    diagnosis = await (await open_at(box)).diagnose()
    assert diagnosis.is_reachable
    assert "a web page" in str(diagnosis.problem)


async def test_a_server_that_says_nothing_of_itself(open_at: Open) -> None:
    box = Box()
    del box.server.routes["GET /v1/capabilities"]
    diagnosis = await (await open_at(box)).diagnose()
    assert diagnosis.is_reachable
    assert "says nothing" in str(diagnosis.problem)


async def test_a_server_that_is_silent_is_told_of_before_the_doctor_has_waited_long_enough(
    open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LOOK_SECONDS < DEADLINE
    monkeypatch.setattr("steer_tui.engines.looking.LOOK_SECONDS", 0.05)
    box = Box()
    box.server.routes["GET /v1/capabilities"] = Call.silence
    found = await (await open_at(box)).diagnose()
    assert (found.address, found.is_reachable) == (box.server.url, False)
    assert found.problem == f"{box.server.url} did not answer within 0.05 seconds."


async def test_a_server_that_does_not_steer(open_at: Open) -> None:
    box = Box()
    box.capabilities["endpoints"] = {"steer_completion": False}
    assert (await (await open_at(box)).diagnose()).problem == "The server says that it does not steer."


async def test_capabilities_that_are_compressed(open_at: Open) -> None:
    box = Box()

    async def compressed(call: Call) -> None:
        await call.answer(gzip.compress(json.dumps(box.capabilities).encode()), headers={"Content-Encoding": "gzip"})

    box.server.routes["GET /v1/capabilities"] = compressed
    assert (await (await open_at(box)).diagnose()).problem is None
