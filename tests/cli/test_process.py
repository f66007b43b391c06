"""What only a process of its own shows: signals, pipes, terminals, encodings, the log."""

import json
import os
import signal
from pathlib import Path

import pytest

PROMPT = ("run", "--prompt", "x")
FULL = Path("/dev/full")


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def test_an_interrupt_ends_with_130_and_closes_the_engine(scripted, tmp_path):
    process = scripted("never ends").start(*PROMPT)
    assert process.stdout.read(5) == " more"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert (tmp_path / "closed").exists()


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_closed_pipe_ends_quietly_with_0_and_closes_the_engine(scripted, tmp_path, flags):
    process = scripted("never ends").start(*PROMPT, *flags)
    process.stdout.read(5)
    process.stdout.close()
    assert process.wait(timeout=20) == 0
    assert process.stderr.read() == ""
    assert (tmp_path / "closed").exists()


@pytest.mark.skipif(not FULL.exists(), reason="only where a full device can be had")
def test_output_that_cannot_be_written_is_a_sentence_and_exit_code_1(scripted):
    with FULL.open("w") as full:
        process = scripted("speaks").start(*PROMPT, stdout=full)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert err.startswith("steer-tui: The operating system refused: No space left")
    assert err.count("\n") == 1


def test_text_on_a_terminal_is_made_safe_and_in_a_pipe_it_stays_as_it_came(scripted, scripted_here):
    pty = pytest.importorskip("pty")
    steer = scripted("writes on the terminal")
    ours, theirs = pty.openpty()
    process = steer.start(*PROMPT, "--lane", "both", stdout=theirs)
    assert process.wait(timeout=20) == 0
    os.close(theirs)
    text = "a␛[2J␛]0;title␇b\r\n\r\n"
    assert os.read(ours, 1000).decode() == f"── steered ──\r\n{text}\r\n── default ──\r\n{text}"
    os.close(ours)
    piped = scripted_here("writes on the terminal")
    assert piped(*PROMPT).stdout == "a\x1b[2J\x1b]0;title\x07b\n\n"
    assert events(piped(*PROMPT, "--json").stdout)[0]["data"]["token"] == "a\x1b[2J\x1b]0;title\x07b\n"


def test_output_is_utf_8_whatever_the_locale_and_half_a_character_does_no_harm(scripted):
    steer = scripted("sends half a character")
    steer.variables |= {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    assert steer(*PROMPT, "--lane", "both").stdout.startswith("── steered ──\na\\udcc3b\n")
    assert events(steer(*PROMPT, "--json").stdout)[0]["data"]["token"] == "a\udcc3b"


def test_the_log_is_written_only_where_it_is_asked_for_and_tracebacks_go_nowhere_else(
    scripted, scripted_here, tmp_path
):
    assert "Traceback" not in scripted_here("fails")(*PROMPT).stderr
    assert list(tmp_path.iterdir()) == []
    log = tmp_path / "debug.log"
    assert "Traceback" not in scripted("fails")(*PROMPT, "--log", str(log)).stderr
    assert "DEBUG steer_tui.cli.settings: engine builtin" in log.read_text()
    assert "Traceback" in log.read_text()


@pytest.fixture
def terminal():
    """A pseudo-terminal: our end, and its own as the three standard streams of a process."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    yield ours, {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\ntheme = 'tokio'\n", "line 2: There is no theme 'tokio'"),
        ("[keys]\nmain.now = 'f5'\nmain.generat = 'f6'\n", "line 3: There is no action 'main.generat'"),
    ],
)
def test_a_theme_or_a_key_that_the_app_does_not_have_is_told_with_file_and_line(scripted, terminal, text, words):
    ours, streams = terminal
    steer = scripted("speaks")
    steer.write_own(text)
    process = steer.start(**streams)
    assert process.wait(timeout=30) == 2
    said = os.read(ours, 10_000).decode()
    assert said.startswith(f"steer-tui: {steer.own}, {words}")


def test_the_app_needs_a_terminal_on_each_of_the_three_standard_streams(scripted, terminal):
    _, streams = terminal
    del streams["stderr"]
    process = scripted("speaks").start(**streams)
    assert process.wait(timeout=30) == 2
    assert process.stderr.read().startswith("steer-tui: Standard error is no terminal")
