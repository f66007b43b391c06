"""What lies around a command line: signals, pipes, terminals, encodings, the log."""

import json
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


def test_a_closed_pipe_ends_quietly_with_0_and_closes_the_engine(scripted, tmp_path):
    process = scripted("never ends").start(*PROMPT)
    process.stdout.read(5)
    process.stdout.close()
    assert process.wait(timeout=20) == 0
    assert process.stderr.read() == ""
    assert (tmp_path / "closed").exists()


@pytest.mark.skipif(not FULL.exists(), reason="only where a full device can be had")
def test_output_that_cannot_be_written_is_a_sentence_and_exit_code_1(scripted_here, monkeypatch):
    with FULL.open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        done = scripted_here("speaks")(*PROMPT)
    assert done.returncode == 1
    assert done.stderr.startswith("steer-tui: The operating system refused: No space left")
    assert done.stderr.count("\n") == 1


def test_text_on_a_terminal_is_made_safe(scripted_here, terminal):
    terminal.becomes("stdout")
    assert scripted_here("writes on the terminal")(*PROMPT, "--lane", "both").returncode == 0
    text = "a␛[2J␛]0;title␇b\r\n\r\n"
    assert terminal.read() == f"── steered ──\r\n{text}\r\n── default ──\r\n{text}"


def test_text_in_a_pipe_stays_as_it_came(scripted_here):
    piped = scripted_here("writes on the terminal")
    assert piped(*PROMPT).stdout == "a\x1b[2J\x1b]0;title\x07b\n\n"
    assert events(piped(*PROMPT, "--json").stdout)[0]["data"]["token"] == "a\x1b[2J\x1b]0;title\x07b\n"


def test_output_is_utf_8_whatever_the_locale_and_half_a_character_does_no_harm(scripted, scripted_here):
    steer = scripted("sends half a character")
    steer.variables |= {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    assert steer(*PROMPT, "--lane", "both").stdout.startswith("── steered ──\na\\udcc3b\n")
    as_json = scripted_here("sends half a character")(*PROMPT, "--json").stdout
    assert events(as_json)[0]["data"]["token"] == "a\udcc3b"


def test_the_log_is_written_only_where_it_is_asked_for_and_tracebacks_go_nowhere_else(
    scripted, scripted_here, tmp_path
):
    assert "Traceback" not in scripted_here("fails")(*PROMPT).stderr
    assert list(tmp_path.iterdir()) == []
    log = tmp_path / "debug.log"
    assert "Traceback" not in scripted("fails")(*PROMPT, "--log", str(log)).stderr
    assert "DEBUG steer_tui.cli.settings: engine builtin" in log.read_text()
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\ntheme = 'tokio'\n", "line 2: There is no theme 'tokio'"),
        ("[keys]\nmain.now = 'f5'\nmain.generat = 'f6'\n", "line 3: There is no action 'main.generat'"),
    ],
)
def test_a_theme_or_a_key_that_the_app_does_not_have_is_told_with_file_and_line(scripted_here, terminal, text, words):
    steer = scripted_here("speaks")
    steer.write_own(text)
    terminal.becomes("stdin", "stdout", "stderr")
    assert steer().returncode == 2
    assert terminal.read().startswith(f"steer-tui: {steer.own}, {words}")


def test_the_app_needs_a_terminal_on_each_of_the_three_standard_streams(scripted_here, terminal):
    terminal.becomes("stdin", "stdout")
    done = scripted_here("speaks")()
    assert done.returncode == 2
    assert done.stderr.startswith("steer-tui: Standard error is no terminal")
