"""`steer-tui doctor`, with services on real sockets."""

import asyncio
import json

import pytest
from cli.service import BRIDGE, KEY, MODEL, routes, silent
from loopback import Loopback

from steer_tui.cli.doctor import examine
from steer_tui.cli.options import Flags


@pytest.fixture
def ask(steer_here):
    """Runs a command line beside a server of this test's own loop."""
    steer_here.set("STEER_TUI_INFERENCE_SERVER__URL", "http://127.0.0.1:1")

    async def run(*arguments):
        return await asyncio.to_thread(steer_here, *arguments)

    return run


async def capabilities(call):
    await call.answer_json({"model": "gpt2-small", "backend": "eager", "endpoints": {"steer_completion": True}})


async def examined(ask, *flags):
    """What doctor says as JSON, engine by engine, and its exit code."""
    done = await ask("doctor", "--json", *flags)
    found = json.loads(done.stdout)
    assert found["works"] == (done.returncode == 0)
    return {engine["name"]: engine for engine in found["engines"]}, done.returncode


async def test_the_builtin_engine_works_and_what_is_wrong_elsewhere_is_told_with_what_to_do(ask, steer_here):
    async with Loopback(routes()) as server:
        steer_here.set("STEER_TUI_NEURONPEDIA__URL", server.url)
        done = await ask("doctor")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == f"config: none of your own; {steer_here.own} would be read"
    assert lines[2].startswith("*  builtin")
    assert "works" in lines[2]
    assert lines[3].split()[:3] == ["neuronpedia", "works", MODEL]
    assert "no key" in lines[3]
    assert "does not work" in lines[4]
    assert any(line.startswith("inference-server: ") for line in lines[5:])


async def test_the_exit_code_is_that_of_the_chosen_engine(ask, steer_here):
    steer_here.write_own("engine = 'inference-server'\n")
    engines, code = await examined(ask)
    assert (code, engines["inference-server"]["isChosen"], engines["builtin"]["works"]) == (1, True, True)
    assert engines["inference-server"]["problem"]
    assert (await examined(ask, "--engine", "builtin"))[1] == 0
    done = await ask("doctor", "--json")
    assert json.loads(done.stdout)["config"] == {"path": str(steer_here.own), "wasRead": True}


async def test_a_server_that_answers_works_and_the_flags_point_there(ask):
    async with Loopback({"GET /v1/capabilities": capabilities}) as server:
        engines, code = await examined(ask, "--engine", "inference-server", "--url", server.url)
    found = engines["inference-server"]
    assert (code, found["model"], found["address"], found["hasKey"]) == (0, "gpt2-small", server.url, False)


async def test_a_key_is_told_to_be_there_and_never_shown(ask, steer_here):
    steer_here.set("NEURONPEDIA_API_KEY", KEY)
    async with Loopback(routes()) as server:
        steer_here.set("STEER_TUI_NEURONPEDIA__URL", server.url)
        engines, code = await examined(ask, "--engine", "neuronpedia")
        done = await ask("doctor", "--engine", "neuronpedia")
    assert (code, engines["neuronpedia"]["hasKey"]) == (0, True)
    assert "key set" in done.stdout
    assert KEY not in done.stdout + done.stderr + json.dumps(engines)


async def test_the_calls_that_are_left_are_those_that_the_latest_generation_told(ask, steer_here):
    async with Loopback(routes()) as server:
        steer_here.set("STEER_TUI_NEURONPEDIA__URL", server.url)
        before, _ = await examined(ask, "--engine", "neuronpedia")
        await ask("run", "--engine", "neuronpedia", "--prompt", "x", "--dial", f"{BRIDGE}=5")
        after, _ = await examined(ask, "--engine", "neuronpedia")
        done = await ask("doctor", "--engine", "neuronpedia")
    assert (before["neuronpedia"]["quota"], after["neuronpedia"]["quota"]) == (None, 231)
    assert "231 calls left" in done.stdout
    assert len([call for call in server.calls if call.path == "/api/steer"]) == 1


async def test_a_command_for_a_key_that_fails_is_that_engines_problem_alone(ask, steer_here):
    steer_here.write_own("[neuronpedia]\nkey_command = ['false']\n")
    engines, code = await examined(ask)
    assert (code, engines["builtin"]["works"]) == (0, True)
    assert f"{steer_here.own}, line 2: neuronpedia.key_command" in engines["neuronpedia"]["problem"]


async def test_an_engine_that_is_silent_is_given_up_after_the_deadline(steer_here):
    steer_here.set("STEER_TUI_INFERENCE_SERVER__URL", "http://127.0.0.1:1")
    async with Loopback(routes(model=silent)) as server:
        steer_here.set("STEER_TUI_NEURONPEDIA__URL", server.url)
        findings = await examine(Flags(engine="neuronpedia"), deadline=0.5)
    assert findings.exit_code == 1
    (look,) = [look for look in findings.looks if look.is_chosen]
    assert look.diagnosis.problem == "It did not answer within 0.5 seconds."
    assert look.diagnosis.address == server.url


async def test_a_broken_config_is_usage(ask, steer_here):
    steer_here.write_own("[neuronpedia]\nmodell = 'x'\n")
    done = await ask("doctor")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{steer_here.own}, line 2: there is no key neuronpedia.modell" in done.stderr
