"""`steer-tui run --record` and `steer-tui replay`: a run as a file, and the file as that run."""

import json
import os
import resource
import select
import signal
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest
from cli.test_run import Failing, HalfRefusing
from recorded import RUN, at, read, recording, word, write
from scripted_engine import done

from steer_tui.domain import ErrorEvent, Lane
from steer_tui.engines import registry
from steer_tui.generation.recording import read_recording

PROMPT = ("run", "--prompt", "Once upon a time", "--dial", "sea=4")

SHORT = recording(
    at(0.0, word("The", 0)),
    at(0.0, read(2.5, 0)),
    at(0.1, word(" sea", 1)),
    at(0.2, done()),
    at(0.3, word("A", 0, Lane.DEFAULT)),
    at(0.4, done(Lane.DEFAULT)),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def event_lines(text: str) -> list[dict]:
    return [{"event": line["event"], "data": line["data"]} for line in lines(text)[1:]]


# --record


@pytest.mark.parametrize("lane", ["steered", "default", "both"])
def test_what_is_recorded_is_replayed_as_it_was_printed(scripted_here, file, lane):
    steer = scripted_here("speaks")
    printed = steer(*PROMPT, "--lane", lane, "--record", str(file))
    assert (printed.returncode, printed.stderr) == (0, "")
    replayed = steer("replay", str(file), "--speed", "0")
    assert (replayed.returncode, replayed.stdout, replayed.stderr) == (0, printed.stdout, "")


def test_a_recording_holds_the_events_that_json_prints(scripted_here, file):
    steer = scripted_here("speaks")
    printed = steer(*PROMPT, "--lane", "both", "--json", "--record", str(file))
    assert event_lines(file.read_text()) == lines(printed.stdout)
    assert steer("replay", str(file), "--json", "--speed", "0").stdout == printed.stdout


def test_a_recording_says_what_the_run_was_made_from(scripted_here, file):
    scripted_here("speaks")(*PROMPT, "--dial", "winter=0", "--seed", "5", "--stop", "END", "--record", str(file))
    run = read_recording(file).run
    assert (run.engine, run.model, run.prompt, run.sampling.seed) == ("builtin", "toy", "Once upon a time", 5)
    assert (run.sampling.stop, run.chat, run.lanes) == (("END",), False, (Lane.STEERED,))
    assert [(dial.feature.label, dial.value) for dial in run.dials] == [("Sea", 4.0), ("winter", 0.0)]


def test_without_dials_a_recording_has_those_whose_activations_it_watches_turned_off(scripted_here, file):
    scripted_here("speaks")("run", "--prompt", "x", "--record", str(file))
    assert [dial.value for dial in read_recording(file).run.dials] == [0.0] * 4


def test_a_file_that_is_there_is_not_written_over(scripted_here, file):
    file.write_text("mine")
    refused = scripted_here("speaks")(*PROMPT, "--record", str(file))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"steer-tui: --record: {file} is there already; name a new file.\n"
    assert file.read_text() == "mine"


def test_a_file_that_cannot_be_written_is_told_before_anything_is_asked(scripted_here, tmp_path):
    refused = scripted_here("offers nothing")(*PROMPT, "--record", str(tmp_path / "no" / "run.jsonl"))
    assert refused.returncode == 2
    assert refused.stderr.endswith("cannot be written: No such file or directory.\n")


def test_a_usage_error_leaves_no_file(scripted_here, file):
    assert scripted_here("speaks")("run", "--prompt", "x", "--dial", "wintr=4", "--record", str(file)).returncode == 2
    assert not file.exists()


@pytest.mark.parametrize("flags", [[], ["--json"]])
@pytest.mark.parametrize(
    ("script", "code", "error"),
    [("fails", 1, "rejected"), ("is rate limited", 4, "rate_limited"), ("offers nothing", 1, "rejected")],
)
def test_a_run_that_fails_is_recorded_with_its_error_and_its_replay_ends_so_too(
    scripted_here, file, flags, script, code, error
):
    steer = scripted_here(script)
    failed = steer(*PROMPT, *flags, "--record", str(file))
    assert failed.returncode == code
    *_, last = read_recording(file).events
    assert last.event.code == error
    replayed = steer("replay", str(file), "--speed", "0", *flags)
    assert replayed.returncode == code
    if flags:
        assert lines(replayed.stdout) == lines(failed.stdout)
    else:
        assert replayed.stdout.strip() == failed.stdout.strip()
    assert replayed.stderr.split(". ")[0] == failed.stderr.split(". ")[0]


@pytest.mark.parametrize("engine", [HalfRefusing, Failing])
def test_lanes_that_come_together_are_recorded_and_replayed_together(scripted_here, monkeypatch, file, engine):
    steer = scripted_here("speaks")
    monkeypatch.setitem(registry._FACTORIES, "builtin", lambda _: engine())
    printed = steer("run", "--prompt", "x", "--lane", "both", "--json", "--record", str(file))
    replayed = steer("replay", str(file), "--json", "--speed", "0")
    assert (replayed.returncode, replayed.stdout) == (1, printed.stdout)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only where a running process can be limited")
def test_a_file_that_cannot_grow_is_named_with_its_flag(scripted, file):
    process = scripted("never ends").start(*PROMPT, "--record", str(file))
    assert process.stdout.read(10) == " more more"
    _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (file.stat().st_size + 10, most))
    _, told = process.communicate(timeout=20)
    assert process.returncode == 1
    assert told == f"steer-tui: The operating system refused: File too large (--record {file}).\n"
    assert len(read_recording(file).events) >= 2


@pytest.mark.parametrize("script", ["fails", "offers nothing"])
def test_a_text_that_was_never_begun_has_no_heading_in_a_replay_either(scripted_here, file, script):
    steer = scripted_here(script)
    failed = steer(*PROMPT, "--lane", "both", "--record", str(file))
    replayed = steer("replay", str(file), "--speed", "0")
    assert (replayed.returncode, "default" in replayed.stdout, "default" in failed.stdout) == (1, False, False)


def test_a_long_recording_is_said_to_be_read(steer_here, monkeypatch, file):
    monkeypatch.setattr("steer_tui.cli.replay.QUICK_BYTES", 1000)
    write(file, SHORT)
    assert steer_here("replay", str(file), "--speed", "0").stderr == "steer-tui: Reading run.jsonl, 0 MiB ...\n"


def test_a_lost_connection_is_recorded_as_the_person_saw_it(scripted_here, file):
    scripted_here("loses the connection once")(*PROMPT, "--record", str(file))
    assert [line["event"] for line in event_lines(file.read_text())] == ["token", "token", "token", "done"]


def test_a_run_that_is_killed_or_interrupted_leaves_what_came_before(scripted, steer_here, file):
    process = scripted("never ends").start(*PROMPT, "--record", str(file))
    assert process.stdout.read(10) == " more more"
    killed = file.with_name("killed.jsonl")
    killed.write_bytes(file.read_bytes())  # what is there at any time is what a killed run leaves
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert len(read_recording(file).events) >= len(read_recording(killed).events) >= 2
    replayed = steer_here("replay", str(killed), "--speed", "0")
    assert (replayed.returncode, replayed.stdout[:10]) == (1, " more more")
    assert "steer-tui: The recording ends before the text does." in replayed.stderr


def test_what_a_model_says_goes_to_the_file_as_it_came(scripted_here, file):
    scripted_here("sends half a character")(*PROMPT, "--record", str(file))
    assert read_recording(file).events[0].event.token == "a\udcc3b"


# replay


def test_it_is_replayed_at_its_own_pace_and_both_lanes_in_turn(steer_here, file):
    write(file, SHORT)
    replayed = steer_here("replay", str(file))
    assert (replayed.returncode, replayed.stdout) == (0, "── steered ──\nThe sea\n\n── default ──\nA\n")


def test_a_replay_needs_no_config_of_an_engine_and_loads_none(steer, file):
    write(file, SHORT)
    steer.write_own("engine = 'neuronpedia'\n")
    program = (
        "import sys; from steer_tui.cli import main\n"
        "try: main()\n"
        "finally: print(*{'numpy', 'httpx', 'textual'} & set(sys.modules), file=sys.stderr)"
    )
    steer.program = ["-c", program]
    done = steer("replay", str(file), "--json", "--speed", "0")
    assert (done.returncode, done.stderr) == (0, "\n")
    assert lines(done.stdout) == event_lines(file.read_text())


def test_flags_of_the_app_are_not_for_a_replay(steer_here, file):
    refused = steer_here("--seed", "3", "replay", str(file))
    assert (refused.returncode, refused.stderr) == (
        2,
        "steer-tui: `steer-tui replay` has no --seed. Try `steer-tui --help`.\n",
    )


@pytest.mark.parametrize("speed", ["-1", "nan", "inf", "fast"])
def test_a_speed_is_a_number_that_is_not_negative(steer_here, file, speed):
    write(file, SHORT)
    refused = steer_here("replay", str(file), "--speed", speed)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--speed" in refused.stderr


def test_a_file_that_is_not_there_is_usage(steer_here, file):
    refused = steer_here("replay", str(file))
    assert (refused.returncode, refused.stderr) == (
        2,
        f"steer-tui: {file} cannot be read: No such file or directory.\n",
    )


def test_a_file_that_is_no_recording_is_told_with_its_line(steer_here, file):
    file.write_text("{}\n")
    refused = steer_here("replay", str(file))
    assert refused.returncode == 1
    assert refused.stderr == (
        "steer-tui: run.jsonl, line 1: it does not begin as a recording does. "
        "`steer-tui run --record FILE` writes a recording.\n"
    )


def test_a_recording_whose_end_is_missing_is_played_as_far_as_it_goes(steer_here, file):
    file.write_bytes(write(file, SHORT).read_bytes()[:-20])
    replayed = steer_here("replay", str(file), "--speed", "0")
    assert (replayed.returncode, replayed.stdout) == (1, "── steered ──\nThe sea\n\n── default ──\nA\n")
    assert replayed.stderr == (
        "steer-tui: The recording ends before the text does. "
        "Its last line is incomplete and was left out: the run that wrote it was stopped.\n"
    )
    as_json = steer_here("replay", str(file), "--speed", "0", "--json")
    assert lines(as_json.stdout)[-1]["data"]["code"] == "truncated"


def test_hostile_text_cannot_act_on_the_terminal(steer_here, monkeypatch, file):
    pty = pytest.importorskip("pty")
    evil = "\x1b]0;title\x07"
    write(file, recording(at(0, word(evil, 0)), at(0, ErrorEvent(f"no{evil}", "rejected")), lanes=(Lane.STEERED,)))
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        assert steer_here("replay", str(file)).returncode == 1
    came = b""
    with suppress(OSError):  # nobody holds the other side any more
        while piece := os.read(ours, 10_000):
            came += piece
    os.close(ours)
    shown = came.decode()
    assert "␛]0;title␇" in shown and "no␛" in shown
    assert "\x1b" not in shown and "\x07" not in shown


def test_in_a_terminal_it_plays_in_the_app(steer, file):
    pty = pytest.importorskip("pty")
    write(file, SHORT)
    steer.variables["TERM"] = "xterm-256color"
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (36, 120))
    process = steer.start("replay", str(file), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = ""
    while "done · 2 tokens" not in shown:
        assert select.select([ours], [], [], 20)[0], shown
        shown += os.read(ours, 100_000).decode(errors="replace")
    assert "recording of scripted" in shown
    os.write(ours, b"\x11")
    while select.select([ours], [], [], 20)[0]:
        try:
            os.read(ours, 100_000)
        except OSError:  # nobody holds the other side any more
            break
    assert process.wait(timeout=20) == 0
    os.close(ours)


def test_a_closed_pipe_ends_quietly(steer, file):
    write(file, recording(*(at(n / 100, word("more ", n)) for n in range(500)), lanes=(Lane.STEERED,)))
    process = steer.start("replay", str(file))
    assert process.stdout.read(5) == "more "
    process.stdout.close()
    assert process.wait(timeout=20) == 0
    assert process.stderr.read() == ""


def test_a_prompt_and_its_dials_are_those_of_the_recording(file):
    assert read_recording(write(file, SHORT)).run == RUN
