"""`steer-tui doctor`, with services on real sockets."""

import asyncio
import json
import sys
from dataclasses import replace

import pytest
from cli.service import BRIDGE, KEY, MODEL, routes, silent
from loopback import Loopback

from steer_tui.cli.doctor import examine
from steer_tui.cli.options import Flags
from steer_tui.engines.interp.serving import launch
from steer_tui.engines.registry import FILE_ENGINES


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
    assert [line.split()[:3] for line in lines[5:9]] == [
        [engine, "not", "set"] for engine in ("interp", "vllm-lens", "easysteer", "gateway")
    ]
    assert any(line.startswith("inference-server: ") for line in lines[9:])
    assert "easysteer: No address is set. Name one with --url, or in the config under [easysteer] as url." in lines


async def test_the_exit_code_is_that_of_the_chosen_engine(ask, steer_here):
    steer_here.write_own("engine = 'inference-server'\n")
    engines, code = await examined(ask)
    assert (code, engines["inference-server"]["isChosen"], engines["builtin"]["works"]) == (1, True, True)
    assert engines["inference-server"]["problem"]
    assert (await examined(ask, "--engine", "builtin"))[1] == 0
    done = await ask("doctor", "--json")
    assert json.loads(done.stdout)["config"] == {"path": str(steer_here.own), "wasRead": True}


@pytest.fixture
def local(monkeypatch):
    """Whether the extra `local` is there, as far as a look at it can tell."""

    def choose(is_installed):
        module = "json" if is_installed else "no_such_module"
        monkeypatch.setattr(launch, "INTERP_ENGINE", replace(launch.INTERP_ENGINE, module=module))

    return choose


@pytest.mark.skipif(sys.platform == "win32", reason="no server is started there")
async def test_a_model_that_would_be_served_is_told_so_and_not_loaded(ask, local, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    local(True)
    engines, code = await examined(ask, "--model", str(tmp_path))
    found = engines["interp"]
    assert (code, found["isChosen"], found["works"], found["model"]) == (0, True, True, str(tmp_path))
    assert (found["address"], found["hasKey"], found["problem"]) == (None, None, None)
    assert found["hint"].startswith("The extra `local` is installed: steer-tui serves this model itself")
    done = await ask("doctor", "--model", str(tmp_path))
    assert f"interp: {found['hint']}" in done.stdout.splitlines()


async def test_without_the_extra_that_serves_a_model_it_is_told_how_to_get_it(ask, local):
    local(False)
    engines, code = await examined(ask, "--model", "google/gemma-2-2b")
    found = engines["interp"]
    assert (code, found["works"], found["isSetUp"]) == (1, False, True)
    assert "steer-tui[local]" in found["hint"]


@pytest.mark.parametrize(("is_installed", "words"), [(True, "--model PATH_OR_ID"), (False, "steer-tui[local]")])
async def test_without_a_model_or_an_address_the_engines_that_need_one_are_not_set_up(ask, local, is_installed, words):
    local(is_installed)
    engines, code = await examined(ask, "--engine", "interp")
    assert code == 1
    assert [engines[name]["isSetUp"] for name in ("builtin", *FILE_ENGINES)] == [True, False, False, False]
    assert engines["interp"]["problem"] == "Neither a model nor an address is set."
    assert words in engines["interp"]["hint"]
    assert engines["vllm-lens"]["hint"].endswith("[vllm-lens] as url.")


async def test_a_model_whose_folder_is_not_there_is_the_chosen_engines_problem(ask):
    engines, code = await examined(ask, "--model", "./nope")
    assert code == 1
    assert engines["interp"]["problem"].startswith("--model: there is no folder nope;")
    assert (engines["builtin"]["works"], engines["interp"]["model"]) == (True, "./nope")


async def test_an_engine_that_steers_by_files_is_looked_at_where_its_server_is(ask, steer_here):
    steer_here.set("INTERP_ENGINE_SERVER_TOKEN", KEY)
    for engine in FILE_ENGINES:
        engines, code = await examined(ask, "--engine", engine, "--url", "http://127.0.0.1:1")
        found = engines[engine]
        assert (code, found["works"], found["address"]) == (1, False, "http://127.0.0.1:1")
        assert found["hasKey"] == (engine == "interp")
        assert "127.0.0.1:1" in found["problem"]
        assert KEY not in json.dumps(engines)


async def test_a_path_of_the_config_at_which_there_is_nothing_is_the_problem_of_the_engines_that_read_it(
    ask, steer_here, local
):
    local(True)
    steer_here.write_own("[interp]\nmodel = 'google/gemma-2-2b'\n[vectors]\npaths = ['/no/such.gguf']\n")
    engines, code = await examined(ask, "--engine", "interp")
    assert (code, engines["interp"]["works"], engines["builtin"]["works"]) == (1, False, True)
    assert engines["interp"]["problem"].endswith("line 4: vectors.paths: there is no file or folder /no/such.gguf.")


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
