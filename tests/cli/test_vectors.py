"""`steer-tui vectors`: what files hold, and a vector made from texts over a real socket."""

import asyncio
import json
import pickle
import re
import sys

import numpy as np
import pytest
from engines.interp.box import LAYERS, MODEL, Box
from vectors.making import weights, write_settings

from steer_tui.vectors import read_vector_file


@pytest.fixture
def show(steer_here):
    """What `vectors show` prints, read as JSON where that is asked for."""

    def run(path, *flags):
        done = steer_here("vectors", "show", str(path), *flags)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout) if flags else done.stdout

    return run


def test_a_file_is_shown_with_the_norm_at_each_layer(show, tmp_path):
    path = tmp_path / "calm.npz"
    np.savez(path, **{"layer.3": np.array([3, 4, 0, 0], np.float32), "layer.12": np.array([0, 0, 0, 0.5], np.float32)})
    assert show(path) == "calm.npz: 2 directions, 4 wide\nlayer 3   norm 5\nlayer 12  norm 0.5\n"
    assert show(path, "--json") == {
        "path": str(path),
        "kind": "vectors",
        "model": None,
        "width": 4,
        "directions": [{"layer": 3, "norm": 5.0}, {"layer": 12, "norm": 0.5}],
    }


def test_a_file_that_names_no_layer_says_what_is_missing(show, tmp_path):
    path = tmp_path / "calm.json"
    path.write_text("[0, 2]")
    assert show(path) == "calm.json: one direction, 2 wide\nno layer named  norm 2\nSay where it acts with --layer N.\n"


@pytest.fixture
def sae(tmp_path):
    """The folder of an SAE of six features."""
    safetensors = pytest.importorskip("safetensors.numpy")
    folder = tmp_path / "birds"
    folder.mkdir()
    write_settings(folder / "cfg.json", hook_name="blocks.7.hook_resid_post", model_name="gpt2-small", d_in=4, d_sae=6)
    safetensors.save_file(weights(), folder / "sae_weights.safetensors")
    return folder


def test_an_sae_is_shown_with_its_size_and_the_features_that_have_a_label(show, sae):
    first = "birds: an SAE with 6 features, layer 7, 4 wide, for gpt2-small\n"
    assert show(sae) == first + "No feature has a label: name one by its number, birds#0 to #5.\n"
    (sae / "labels.json").write_text(json.dumps({"5": "wings\x1b[31m", "2": "song"}))
    assert show(sae) == first + "#2  song\n#5  wings␛[31m\n"
    assert show(sae, "--json") == {
        "path": str(sae),
        "kind": "sae",
        "model": "gpt2-small",
        "layer": 7,
        "width": 4,
        "count": 6,
        "unread": None,
        "labels": {"2": "song", "5": "wings\x1b[31m"},
    }


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_what_cannot_be_shown_is_one_sentence(steer_here, tmp_path, flags):
    (tmp_path / "old.pt").write_bytes(pickle.dumps([1.0]))
    (tmp_path / "empty").mkdir()
    for name, words in (("nothing.npz", "There is no"), ("old.pt", "pickle"), ("empty", "SAE")):
        done = steer_here("vectors", "show", str(tmp_path / name), *flags)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert words in done.stderr


def test_showing_asks_no_engine_and_no_network(steer, tmp_path):
    path = tmp_path / "calm.json"
    path.write_text("[0, 2]")
    steer.program = [
        "-c",
        "import sys, atexit; atexit.register(lambda: print({'httpx', 'torch', 'textual'} & set(sys.modules)));"
        "from steer_tui.cli import main; main()",
    ]
    assert steer("vectors", "show", str(path)).stdout.endswith("set()\n")


@pytest.mark.parametrize("line", [("vectors",), ("--model", "x", "vectors", "show", "x.npz"), ("vectors", "make")])
def test_wrong_usage_is_one_line_and_exit_code_2(steer_here, line):
    done = steer_here(*line)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("command", ["make", "show"])
def test_help_tells_what_each_command_does(steer_here, command):
    assert command in steer_here("vectors", "--help").stdout
    done = steer_here("vectors", command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"steer-tui vectors {command}" in done.stdout


POSITIVE = "one two three four\n\nx\n"  # five tokens and two, with the one that begins a text
NEGATIVE = "one two\r\nx y z\r\none two\r\n"  # three, four and three
LAST = (5 + 2) / 2 - (3 + 4 + 3) / 3
MEAN = (3.5 + 2) / 2 - (2.5 + 3 + 2.5) / 3


@pytest.fixture
def make(steer_here, tmp_path, monkeypatch, kept_norms):
    """Runs `vectors make` beside a server of this test's own loop."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(kept_norms))
    monkeypatch.delenv("INTERP_ENGINE_SERVER_TOKEN", raising=False)
    (tmp_path / "happy.txt").write_text(POSITIVE)
    (tmp_path / "sad.txt").write_bytes(NEGATIVE.encode())

    async def run(box, *arguments, positive="happy.txt", negative="sad.txt", out="mood.safetensors", layer="1"):
        async with box.server as server:
            line = ("--positive", positive, "--negative", negative, "--out", out, "--layer", layer, *arguments)
            engine = () if "--engine" in arguments else ("--engine", "interp", "--url", server.url)
            return await asyncio.to_thread(steer_here, "vectors", "make", *engine, *line)

    return run


@pytest.mark.parametrize(
    ("suffix", "position", "expected"), [(".gguf", (), LAST), (".safetensors", ("--position", "mean"), MEAN)]
)
async def test_it_is_the_difference_of_the_two_means_whose_model_the_file_names(
    make, tmp_path, suffix, position, expected
):
    pytest.importorskip("gguf")
    done = await make(Box(), *position, out=f"mood{suffix}")
    assert (done.returncode, done.stderr) == (0, "")
    made = read_vector_file(tmp_path / f"mood{suffix}")
    assert made.model == MODEL
    [direction] = made.directions
    assert direction.layer == 1
    np.testing.assert_allclose(direction.values, [expected, 0, 0, 0], atol=1e-6)


async def test_a_person_reads_how_many_texts_it_is_of_its_norm_its_dose_and_the_dial(make, steer_here, tmp_path):
    box = Box()
    done = await make(box)
    first, second = done.stdout.splitlines()
    assert first == f"{tmp_path}/mood.safetensors: 2 texts less 3, the last token of each"
    told = json.loads(steer_here("vectors", "show", "mood.safetensors", "--json").stdout)
    assert told["directions"] == [{"layer": 1, "norm": pytest.approx(LAST, abs=1e-6)}]
    assert second.startswith(f"layer 1  norm {LAST:.4g}  try --dial mood.safetensors=4 (dose 0.16)  added whole by ")
    assert re.search(r"added whole by --dial mood\.safetensors=\S+ \(dose \d\.\d\d\)$", second)
    assert box.bodies("/v1/generate") == []  # no look at whether steering has an effect


async def test_a_file_of_several_layers_has_a_dial_at_each(make, tmp_path):
    done = await make(Box(), "--layer", "2", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["layer"], line["positive"], line["negative"]) for line in lines] == [(1, 2, 3), (2, 2, 3)]
    for line in lines:
        assert line["norm"] == pytest.approx(LAST, abs=1e-6)
        # A notch is 0.04 of the residual's norm: so many are the dose.
        assert line["value"] == pytest.approx(line["dose"] / 0.04, rel=1e-4)
    assert [direction.layer for direction in read_vector_file(tmp_path / "mood.safetensors").directions] == [1, 2]
    assert "other.safetensors@2=" in (await make(Box(), "--layer", "2", out="other.safetensors")).stdout


@pytest.mark.parametrize(("out", "layer", "tells"), [("m.gguf", "0", True), ("m.gguf", "1", False)])
async def test_what_llama_cpp_does_not_take_is_told(make, out, layer, tells):
    pytest.importorskip("gguf")
    done = await make(Box(), out=out, layer=layer)
    assert done.returncode == 0
    assert ("llama.cpp takes no .gguf file with a vector for layer 0" in done.stdout) is tells


async def test_with_chat_each_text_is_a_message(make):
    box = Box()
    assert (await make(box, "--chat")).returncode == 0
    asked = [body["messages"] for body in box.bodies("/v1/tokenize") if body.get("messages")]
    assert asked[0] == [{"role": "user", "content": "one two three four"}]
    assert len(asked) == 5


WRONG = {
    "another kind of file": ({"out": "mood.npz"}, (), 2, "--out names a .gguf or .safetensors file"),
    "a file that is there": ({"out": "old.safetensors"}, (), 2, "--out: old.safetensors is there already; name a new"),
    "no folder": ({"out": "no/mood.gguf"}, (), 2, "--out: there is no folder 'no'"),
    "no file of texts": ({"positive": "no.txt"}, (), 2, "--positive: no.txt cannot be read"),
    "no texts": ({"negative": "empty.txt"}, (), 2, "--negative: empty.txt holds no text"),
    "a layer that is not there": ({"layer": str(LAYERS)}, (), 1, f"the layers 0 to {LAYERS - 1}"),
    "the same texts": ({"negative": "happy.txt"}, (), 1, "are the same to the model at layer 1"),
    "an engine without a residual stream": ({}, ("--engine", "builtin"), 1, "does not hand out its residual"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_cannot_be_made_leaves_no_file_and_is_one_sentence(make, tmp_path, what):
    named, flags, code, words = WRONG[what]
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "old.safetensors").write_bytes(b"old")
    box = Box()
    done = await make(box, *flags, **named)
    assert done.returncode == code
    assert words in done.stderr
    assert code == 1 or not box.server.calls
    assert (tmp_path / "old.safetensors").read_bytes() == b"old"
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*mood*"))


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that nobody can write to is there on Linux alone")
async def test_a_place_that_cannot_be_written_is_told_before_anything_is_loaded(make):
    box = Box()
    done = await make(box, out="/proc/mood.safetensors")
    assert (done.returncode, box.server.calls) == (2, [])
    assert done.stderr.startswith("steer-tui: --out: no file can be made in the folder '/proc' (")


async def test_on_a_terminal_a_bar_shows_how_far_it_is(make, terminal, tmp_path):
    terminal.becomes("stderr")
    done = await make(Box())
    assert done.returncode == 0
    assert "5/5" in terminal.read()
    assert done.stdout.startswith(str(tmp_path))
