"""What a person sees while an engine's server loads its model, and how that ends."""

import json
import re
import signal
import sys

import pytest

from steer_tui.cli.loading import LinesThatStay
from steer_tui.engines.services import Loading

PROMPT = ("run", "--prompt", "x")
STAGES = "steer-tui: Starting the server …\nsteer-tui: The server loads toy …\n"


def test_each_stage_is_told_once_on_standard_error_and_the_text_alone_on_standard_output(scripted_here):
    done = scripted_here("loads")(*PROMPT, "--dial", "sea=4", "--lane", "both")
    assert (done.returncode, done.stderr) == (0, STAGES)
    assert done.stdout == "── steered ──\n[Sea=4] one two\n\n── default ──\n[] one two\n"


def test_a_list_of_features_waits_for_the_server_in_the_same_way(scripted_here):
    done = scripted_here("loads")("features", "sea", "--json")
    assert (done.returncode, done.stderr) == (0, STAGES)
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == ["Sea", "sea\x1b[31mred"]


def test_where_lines_stay_the_log_is_told_again_when_it_is_new_and_ten_seconds_have_passed(capsys):
    now = 100.0
    show = LinesThatStay(clock=lambda: now)
    for passed, line in ((0, None), (5, "early"), (10, "a quarter"), (15, "half"), (40, "a quarter"), (41, "done\x1b")):
        now = 100.0 + passed
        show(Loading("the server loads toy", 100.0, line))
    show(None)
    assert capsys.readouterr().err.splitlines() == [
        "steer-tui: The server loads toy …",
        "steer-tui: the server loads toy · 0:10 · a quarter",
        "steer-tui: the server loads toy · 0:41 · done␛",
    ]


def test_on_a_terminal_one_line_is_written_anew_and_nothing_of_it_is_left(scripted_here, terminal, monkeypatch):
    pyte = pytest.importorskip("pyte")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    terminal.becomes("stdout", "stderr")
    assert scripted_here("loads")(*PROMPT).returncode == 0
    written = terminal.read()
    assert re.search(r"starting the server · \d:\d\d\r", written)
    assert re.search(r"the server loads toy · \d:\d\d · first line", written)
    assert "weights:␛ 50% ====" in written
    assert "=…" in written
    assert "=" * 60 not in written
    screen = pyte.Screen(60, 10)
    pyte.Stream(screen).feed(written)
    assert [line.rstrip() for line in screen.display if line.strip()] == ["[] one two"]
    assert not screen.cursor.hidden


def test_an_interrupt_while_it_loads_ends_with_130_closes_the_engine_and_leaves_the_cursor_as_it_was(
    scripted, terminal, tmp_path
):
    steer = scripted("loads for ever")
    steer.variables |= {"COLUMNS": "60", "TERM": "xterm"}
    process = steer.start(*PROMPT, stderr=terminal.theirs)
    written = ""
    while "starting the server" not in written:
        written += terminal.read()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    written += terminal.read()
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")
    assert "Traceback" not in written
    assert (tmp_path / "closed").exists()


def test_what_the_engine_warns_of_is_told_once_and_before_the_text(scripted_here, monkeypatch):
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    out = scripted_here("loads and warns")(*PROMPT, "--lane", "both").stdout
    told = "steer-tui: Steering has no effect␛ here.\n"
    assert out.count(told) == 1
    assert out.index(told) < out.index("── steered")


def test_a_sweep_warns_too(scripted_here):
    done = scripted_here("loads and warns")("sweep", "--feature", "sea")
    assert done.stderr.startswith(f"{STAGES}steer-tui: Steering has no effect␛ here.\n")


def test_an_engine_that_neither_loads_nor_answers_is_given_up_at_the_deadline(scripted_here, tmp_path):
    steer = scripted_here("does not answer")
    steer.set("STEER_TUI_DEADLINES__FIRST_EVENT", "0.5")
    steer.set("CLOSED", str(tmp_path / "closed"))
    done = steer(*PROMPT)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("steer-tui: The engine did not answer for 0.5 seconds.")
    assert (tmp_path / "closed").exists()


def test_a_method_reaches_the_engine_and_one_that_it_lacks_is_refused_before_anything_is_loaded(scripted_here):
    steer = scripted_here("loads")
    assert steer(*PROMPT, "--dial", "sea=4", "--method", "ablate").stdout == "[ablate Sea=4] one two\n"
    for line in (PROMPT, ("sweep", "--feature", "sea")):
        done = steer(*line, "--method", "orthogonal")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "steer-tui: The engine builtin does not steer by orthogonal. "
            "It has additive, ablate: choose one with --method.\n"
        )
