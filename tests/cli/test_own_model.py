"""The command line on a model of one's own, steered by files, over a real socket."""

import asyncio
import json
import re

import numpy as np
import pytest
from engines.interp.bodies import Steering, Tensor
from engines.interp.box import LAYERS, WIDTH, array_of
from engines.interp.box import Box as InterpBox
from engines.vllm.box import EASY, LENS
from engines.vllm.box import Box as VllmBox
from engines.vllm.protocol import WIDTH as VLLM_WIDTH

TOKEN = "tok-0Secret1"
TEXT = ("--prompt", "x", "--max-tokens", "8", "--temperature", "0")
STEERED, DEFAULT = " the sea is deep", " a dog"


@pytest.fixture
def ask(steer_here, monkeypatch, tmp_path, kept_norms):
    """Runs a command line beside a server of this test's own loop, in a folder with vectors and an SAE."""
    for variable in ("INTERP_ENGINE_SERVER_TOKEN", "VLLM_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    np.savez(tmp_path / "calm.npz", **{"layer.1": np.array([0, 3, 4, 0], np.float32)})
    np.savez(tmp_path / "plain.npz", vector=np.array([2, 0, 0, 0], np.float32))
    np.savez(tmp_path / "wide.npz", **{"layer.1": np.ones(VLLM_WIDTH, np.float32)})
    sae = tmp_path / "layer_1" / "sae"
    sae.mkdir(parents=True)
    rows = np.eye(2, WIDTH, dtype=np.float32)
    np.savez(sae / "params.npz", W_enc=rows.T, W_dec=rows, b_enc=np.zeros(2, np.float32), b_dec=np.zeros(WIDTH))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(kept_norms))

    async def run(*arguments):
        return await asyncio.to_thread(steer_here, *arguments)

    return run


def interp(server):
    return ("--engine", "interp", "--url", server.url)


def operations(box):
    """What the latest request was steered by: its layer and its operations."""
    (steering,) = [Steering.model_validate(one) for one in box.bodies()[-1]["steering"]]
    ((layer, found),) = steering.layers.items()
    return int(layer), found


def added(box):
    """At which layer the latest request was steered, and what was added there."""
    layer, (operation,) = operations(box)
    return layer, operation.scale * array_of(Tensor.model_validate(operation.vector.model_dump()))


async def test_a_vector_from_a_file_steers_one_lane_and_the_token_is_sent(ask, steer_here):
    steer_here.set("INTERP_ENGINE_SERVER_TOKEN", TOKEN)
    box = InterpBox(token=TOKEN)
    async with box.server as server:
        done = await ask("run", *interp(server), *TEXT, "--lane", "both", "--dial", "calm.npz=2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"── steered ──\n{STEERED}\n\n── default ──\n{DEFAULT}\n"


async def test_a_token_that_is_not_the_servers_is_told_and_not_shown(ask, steer_here):
    steer_here.set("INTERP_ENGINE_SERVER_TOKEN", TOKEN)
    async with InterpBox(token="another").server as server:
        done = await ask("run", *interp(server), *TEXT)
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not accept this token" in done.stderr
    assert TOKEN not in done.stderr


async def test_json_tells_the_activations_of_what_is_steered(ask, tmp_path):
    async with InterpBox().server as server:
        done = await ask("run", *interp(server), *TEXT, "--json", "--dial", "calm.npz=2")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    features = [event["data"]["features"] for event in told if event["event"] == "activation"]
    assert len(features) == 4
    assert {(found["id"], found["label"]) for [found] in features} == {(f"{tmp_path}/calm.npz", "calm")}


@pytest.mark.parametrize(("flags", "tells"), [((), True), (("--canary",), True), (("--no-canary",), False)])
async def test_steering_without_effect_is_told_once_unless_nobody_looks(ask, flags, tells):
    box = InterpBox(has_effect=False)
    async with box.server as server:
        done = await ask("run", *interp(server), *TEXT, "--lane", "both", "--dial", "calm.npz=2", *flags)
    assert done.returncode == 0
    assert done.stderr.count("no effect") == (1 if tells else 0)
    assert (len(box.bodies()) > 2) == tells


async def test_the_config_may_leave_the_canary_out(ask, steer_here):
    steer_here.write_own("canary = false\n")
    box = InterpBox(has_effect=False)
    async with box.server as server:
        done = await ask("run", *interp(server), *TEXT, "--dial", "calm.npz=2")
    assert (done.returncode, done.stderr, len(box.bodies())) == (0, "", 1)


@pytest.mark.parametrize("flags", [("--dial", "plain.npz=2", "--layer", "2"), ("--dial", "plain.npz@2=2")])
async def test_a_layer_is_named_where_the_file_does_not_say(ask, flags):
    box = InterpBox()
    async with box.server as server:
        done = await ask("run", *interp(server), *TEXT, "--no-canary", *flags)
    assert (done.returncode, added(box)[0]) == (0, 2)


async def test_a_file_that_does_not_say_its_layer_and_a_layer_that_is_none_are_told(ask):
    async with InterpBox().server as server:
        nowhere = await ask("run", *interp(server), *TEXT, "--dial", "plain.npz=2")
        beyond = await ask("run", *interp(server), *TEXT, "--dial", "plain.npz=2", "--layer", str(LAYERS))
    assert (nowhere.returncode, beyond.returncode) == (1, 1)
    assert "--layer" in nowhere.stderr
    assert str(LAYERS) in beyond.stderr


async def test_a_layer_for_all_leaves_a_file_its_own_and_one_behind_a_name_contradicts_it(ask):
    box = InterpBox()
    both = ("--dial", "plain.npz=2", "--dial", "calm.npz=2")
    async with box.server as server:
        done = await ask("run", *interp(server), *TEXT, "--no-canary", "--layer", "2", *both)
        [steering] = [Steering.model_validate(one) for one in box.bodies()[-1]["steering"]]
        told = await ask("run", *interp(server), *TEXT, "--dial", "calm.npz@2=2")
    assert (done.returncode, sorted(map(int, steering.layers))) == (0, [1, 2])
    assert (told.returncode, "calm.npz acts at layer 1, and layer 2 was asked for" in told.stderr) == (1, True)


async def test_a_raw_strength_multiplies_the_unit_direction(ask):
    box = InterpBox()
    async with box.server as server:
        await ask("run", *interp(server), *TEXT, "--no-canary", "--raw", "--dial", "calm.npz=10")
    layer, values = added(box)
    assert (layer, values) == (1, pytest.approx(np.array([0, 6, 8, 0])))


async def test_a_feature_of_an_sae_is_named_by_folder_and_index(ask):
    box = InterpBox()
    async with box.server as server:
        await ask("run", *interp(server), *TEXT, "--no-canary", "--raw", "--dial", "layer_1/sae#1=5")
    layer, values = added(box)
    assert (layer, values) == (1, pytest.approx(np.array([0, 5, 0, 0])))


@pytest.mark.parametrize("method", ["orthogonal", "projection_cap", "ablate"])
async def test_a_method_is_the_servers_own(ask, method):
    box = InterpBox()
    async with box.server as server:
        done = await ask("run", *interp(server), *TEXT, "--no-canary", "--method", method, "--dial", "calm.npz=2")
    assert (done.returncode, done.stdout) == (0, f"{STEERED}\n")
    assert not box.asked("/v1/project"), "nobody reads the activations of a text that is printed alone"
    assert [operation.method for operation in operations(box)[1]] == [method]


async def test_what_the_config_offers_is_listed_and_named_by_its_label(ask, steer_here, tmp_path):
    box = InterpBox()
    async with box.server as server:
        without = await ask("features", *interp(server))
        steer_here.write_own(f"[vectors]\npaths = ['{tmp_path}/calm.npz']\n")
        done = await ask("features", *interp(server))
        await ask("run", *interp(server), *TEXT, "--no-canary", "--dial", "Calm=1")
    assert (without.returncode, without.stdout) == (0, "")
    assert without.stderr == "steer-tui: The engine interp steers by files: name a vector's FILE, or an SAE's FOLDER.\n"
    assert (done.returncode, done.stdout) == (0, f"calm  vector  {tmp_path}/calm.npz\n")
    assert added(box)[0] == 1


async def test_a_file_is_listed_by_its_path_with_what_a_notch_of_it_is(ask, tmp_path):
    async with InterpBox().server as server:
        done = await ask("features", *interp(server), "--json", "--layer", "2", "plain.npz")
        read = await ask("features", *interp(server), "calm.npz")
    [found] = map(json.loads, done.stdout.splitlines())
    assert (found["kind"], found["label"]) == ("vector", "plain@2")
    row, notch = read.stdout.splitlines()
    assert row == f"calm  vector  {tmp_path}/calm.npz"
    told = re.fullmatch(r"calm: a notch adds (\S+) \(0\.04 × the mean .* at layer 1, (\S+): dose 0\.04\)", notch)
    assert float(told[1]) == pytest.approx(0.04 * float(told[2]), rel=1e-3)


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ((), 0, "steers by files: name a vector's FILE"),
        (("nosuch.npz",), 1, "There is no file or folder 'nosuch.npz'."),
        (("nosuch/sae#1",), 1, "There is no file or folder 'nosuch/sae#1'."),
        (("and/or",), 1, "There is no file or folder 'and/or'."),
        (("happiness",), 0, "No feature fits 'happiness'."),
    ],
)
async def test_what_can_only_be_nothing_is_told_without_the_server(ask, query, code, words):
    box = InterpBox()
    async with box.server as server:
        done = await ask("features", *interp(server), *query)
    assert (done.returncode, done.stdout, box.server.calls) == (code, "", [])
    assert words in done.stderr


async def test_a_mistyped_path_is_told_without_the_server_also_where_others_are_offered(ask, steer_here, tmp_path):
    steer_here.write_own(f"[vectors]\npaths = ['{tmp_path}/plain.npz@2']\n")
    box = InterpBox()
    async with box.server as server:
        for command in (("run", *TEXT, "--dial", "./clam.npz=4"), ("features", "clam.npz"), ("features", "no/sae#1")):
            done = await ask(*command[:1], *interp(server), *command[1:])
            assert "here is no file or folder" in done.stderr
        assert box.server.calls == []
        done = await ask("features", *interp(server), "plain@2")  # a label that could be a path
    assert done.stdout.startswith(f"plain@2  vector  {tmp_path}/plain.npz@2\n")


async def test_a_vector_is_swept_beside_a_random_direction(ask):
    box = InterpBox()
    async with box.server as server:
        done = await ask(
            "sweep", *interp(server), *TEXT, "--feature", "calm.npz", "--values=0,5", "--samples", "1", "--json"
        )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, [row["value"] for row in rows]) == (0, [0.0, 5.0])
    assert rows[1]["feature"]["divergence"] > 0
    assert rows[1]["random"] is not None


async def test_another_model_than_the_servers_is_told(ask):
    async with InterpBox().server as server:
        done = await ask("run", *interp(server), *TEXT, "--model", "other")
    assert (done.returncode, done.stdout) == (1, "")
    assert "tiny/three-layers" in done.stderr


@pytest.mark.parametrize("kind", [LENS, EASY])
async def test_a_cluster_is_steered_by_files_too(ask, steer_here, kind):
    steer_here.set("VLLM_API_KEY", TOKEN)
    box = VllmBox(kind=kind, key=TOKEN)
    async with box.server as server:
        line = ("--engine", kind, "--url", server.url, *TEXT, "--lane", "both")
        done = await ask("run", *line, "--dial", "wide.npz=2")
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, f"── steered ──\n{STEERED}\n\n── default ──\n{DEFAULT}\n")


@pytest.mark.parametrize("kind", [LENS, EASY])
async def test_a_cluster_adds_and_another_method_is_refused_before_it_is_asked(ask, kind):
    box = VllmBox(kind=kind)
    async with box.server as server:
        done = await ask("run", "--engine", kind, "--url", server.url, *TEXT, "--method", "ablate")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == f"steer-tui: The engine {kind} does not steer by ablate. It has additive: choose one with --method.\n"
    )
    assert box.server.calls == []


async def test_an_engine_with_one_model_says_so(ask):
    async with InterpBox().server as server:
        done = await ask("models", *interp(server))
    assert done.returncode == 1
    assert done.stderr.startswith("steer-tui: The engine interp has one model, that of its server. Choose a service")
