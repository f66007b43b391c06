"""The command line as a real process that starts the server itself, with a dial from a file."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("interp_engine", reason="the extra `local` is not installed")

from local.asking import direction
from local.reference import adding
from local.serving import PROCESSES, servers_of
from local.tiny_model import PROMPT

from steer_tui.domain import DOSE_PER_NOTCH
from steer_tui.engines.directions.residual_norms import SENTENCES

pytestmark = pytest.mark.local


def test_run_starts_the_server_steers_and_ends_it(steer, save, model, reference, tmp_path):
    push = save("push", vector=direction(1, 3.0))
    own_model = tmp_path / "own-model"
    own_model.symlink_to(model)
    line = ("run", "--model", str(own_model), "--dial", f"{push}=6", "--layer", "1", "--prompt", PROMPT)
    done = steer(*line, "--temperature", "0", "--max-tokens", "16", "--lane", "both", "--json")
    assert done.returncode == 0, done.stderr
    texts, activations = {"steered": "", "default": ""}, []
    for told in map(json.loads, done.stdout.splitlines()):
        data = told["data"]
        texts[data["lane"]] += data.get("token", "")
        activations += [feature["activation"] for feature in data.get("features", ()) if data["lane"] == "steered"]
    norms = [np.linalg.norm(reference.residuals(reference.ids(text))[1][1:], axis=-1) for text in SENTENCES]
    coefficient = 6 * DOSE_PER_NOTCH * float(np.concatenate(norms).mean())
    prompt, acts = reference.ids(PROMPT), {1: adding(direction(1, coefficient))}
    made = reference.likeliest(prompt, 16, acts)
    assert texts == {"steered": reference.text(made), "default": reference.greedy(prompt, 16)}
    expected = reference.residuals([*prompt, *made], acts)[1][len(prompt) :] @ direction(1)
    np.testing.assert_allclose(activations, expected, atol=5e-3)
    assert "no effect" not in done.stderr
    assert not (PROCESSES.exists() and servers_of(own_model))


def test_a_model_that_the_server_cannot_load_is_told_with_its_own_words(steer, model, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    (broken / "model.safetensors").write_bytes(b"no weights")
    done = steer("run", "--model", str(broken), "--prompt", PROMPT)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith(f"steer-tui: The server could not load {broken}: SafetensorError")
