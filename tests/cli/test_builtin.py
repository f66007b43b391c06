"""The command line on the embedded model."""

import asyncio
import json
import re

import pytest

from steer_tui.engines import open_engine, registry
from steer_tui.engines.builtin import BuiltinEngine

PROMPT = ("--prompt", "Once upon a time there was a painter named Leo, who", "--max-tokens", "12")


@pytest.fixture(scope="module")
def labels():
    """Labels that the model offers."""
    return [feature.label for feature in asyncio.run(open_engine("builtin").find_features(""))]


def lanes(text):
    return re.fullmatch(r"── steered ──\n(.*)\n\n── default ──\n(.*)\n", text, re.DOTALL).groups()


def test_the_same_seed_gives_the_same_text_whichever_lanes_are_asked_for_and_dials_and_seeds_change_it(
    steer, steer_here, labels
):
    dial = ("--dial", f"{labels[0].upper()}=6")
    both = steer("run", *PROMPT, *dial, "--lane", "both").stdout
    steered, default = lanes(both)
    assert steer_here("run", *PROMPT, *dial, "--lane", "both").stdout == both
    assert steer_here("run", *PROMPT, *dial).stdout == steered + "\n"
    assert steer_here("run", *PROMPT, *dial, "--lane", "default").stdout == default + "\n"
    assert steer_here("run", *PROMPT).stdout == default + "\n"
    assert steered != default
    assert steer_here("run", *PROMPT, "--seed", "17").stdout != default + "\n"


def test_json_carries_tokens_activations_and_an_end_and_its_tokens_are_the_text(steer_here):
    lines = [json.loads(line) for line in steer_here("run", *PROMPT, "--json").stdout.splitlines()]
    text = "".join(e["data"]["token"] for e in lines if e["event"] == "token")
    assert text + "\n" == steer_here("run", *PROMPT).stdout
    watched = [e["data"]["features"] for e in lines if e["event"] == "activation"]
    assert [len(features) for features in watched] == [4] * 12
    assert lines[-1] == {"event": "done", "data": {"lane": "steered", "finishReason": "max_tokens"}}


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_users_own_file(steer_here):
    def tokens(*flags):
        out = steer_here("run", "--prompt", "x", "--json", *flags).stdout
        return sum('"event":"token"' in line for line in out.splitlines())

    steer_here.write_own("[sampling]\nmax_tokens = 3\n")
    assert tokens() == 3
    steer_here.set("STEER_TUI_SAMPLING__MAX_TOKENS", "4")
    assert tokens() == 4
    assert tokens("--max-tokens", "5") == 5


def test_features_lists_every_feature_that_the_model_offers(steer_here, labels):
    listed = [json.loads(line) for line in steer_here("features", "--json").stdout.splitlines()]
    assert [feature["label"] for feature in listed] == labels
    about = {"id", "label", "kind", "maxActivation", "density", "promoted", "suppressed", "contexts", "curve"}
    assert set(listed[0]) == about | {"unit", "unitOrigin", "residualNorm"}
    assert len(steer_here("features", "--limit", "3").stdout.splitlines()) == 3
    assert json.loads(steer_here("features", labels[0], "--json").stdout.splitlines()[0])["label"] == labels[0]


def test_an_unknown_dial_names_the_nearest_and_is_usage(steer_here, labels):
    done = steer_here("run", *PROMPT, "--dial", f"{labels[0]}x=4")
    assert (done.returncode, done.stdout) == (2, "")
    assert labels[0] in done.stderr.partition("Nearest: ")[2]


def test_a_missing_weight_file_is_the_engines_failure(steer_here, monkeypatch, tmp_path):
    monkeypatch.setitem(registry._FACTORIES, "builtin", lambda _: BuiltinEngine(tmp_path / "nowhere"))
    for arguments in (("run", *PROMPT), ("run", *PROMPT, "--dial", "sea=4"), ("features",)):
        done = steer_here(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert "The embedded model's file " in done.stderr
