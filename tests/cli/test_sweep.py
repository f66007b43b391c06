"""`steer-tui sweep`, held against an engine that follows a script, and once on the embedded model."""

import csv
import io
import json
import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from cli.conftest import CommandLine
from hypothesis import given
from hypothesis import strategies as st
from scripted_engine import FEATURES, ScriptedEngine, done, playing, tokens
from sweeping_engine import RereadingEngine, SweepingEngine

import steer_tui
from steer_tui.cli.sweep import MOST_VALUES, parse_values
from steer_tui.domain import FeatureKind, InvalidValue, Lane, RateLimited, Rejected
from steer_tui.engines import registry
from steer_tui.generation.sweep import NEUTRAL_OPENINGS, SWEPT_TOKENS

SWEEP = ("sweep", "--feature", "winter", "--values=-4:4:4")
MEASURES = {"activation", "share", "nats", "repetition", "divergence"}
SIX = ("--prompt", "One", "--samples", "6")


@pytest.fixture
def sweeping(steer_here, monkeypatch):
    """`steer-tui` in this process with the engine that is given, which the test can ask what was asked of it."""

    def use(engine):
        monkeypatch.setitem(registry._FACTORIES, "builtin", lambda _: engine)
        return steer_here

    return use


@pytest.fixture
def process(tmp_path):
    """`steer-tui` in a process of its own, with an engine that takes its time."""
    paths = os.pathsep.join([str(Path(steer_tui.__file__).parent.parent), str(Path(__file__).parent.parent)])
    variables = {"PYTHONPATH": paths, "SLOWLY": "1", "CLOSED": str(tmp_path / "closed")}
    return CommandLine(tmp_path, [str(Path(__file__).parent / "sweeping.py")], variables)


# Values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("-10:10:5", (-10, -5, 0, 5, 10)),
        ("0:3:2", (0, 2)),
        ("4:-4:-4", (-4, 0, 4)),
        ("-0.3:0.3:0.1", (-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3)),
        ("6,-6,0,6", (-6, 0, 6)),
        (" 2.5 ", (2.5,)),
        ("-10:10:0.2", tuple(round(-10 + 0.2 * place, 6) for place in range(MOST_VALUES))),
        ("3:3:1", (3,)),
    ],
)
def test_values_are_a_range_with_both_ends_or_a_list_each_once_and_rising(text, values):
    assert parse_values(text) == values


@pytest.mark.parametrize(
    "text",
    ["", "x", "1:2", "1:2:3:4", "0:1:0", "1:10:-1", "1,,2", "inf:1:1", "nan:1:1", "0:inf:1", "1e308:-1e308:-1", "1;2"],
)
def test_what_is_neither_is_told_in_a_sentence_with_examples_of_both(text):
    with pytest.raises(InvalidValue, match=r"START:STOP:STEP, such as -10:10:2 .* or a list, such as -6,0,6; it is"):
        parse_values(text)


@pytest.mark.parametrize("text", ["-11:0:1", "0,10.5", "nan", "inf", "-10:1e300:1e299"])
def test_values_keep_to_the_ends_of_a_dial(text):
    with pytest.raises(InvalidValue, match=r"A dial goes from -10 to \+10; --values names"):
        parse_values(text)


@pytest.mark.parametrize("text", ["-10:10:0.1", "0:1:1e-300", ",".join(map(str, range(102)))])
def test_there_are_not_too_many_values(text):
    with pytest.raises(InvalidValue, match="names 101 values at most"):
        parse_values(text)


@given(st.integers(-100, 100), st.integers(0, 40), st.integers(1, 30))
def test_a_range_in_tenths_holds_both_ends_and_meets_0_exactly(start, count, step):
    stop = start + count * step
    values = [start + place * step for place in range(count + 1)]
    if stop <= 100:
        assert parse_values(f"{start / 10}:{stop / 10}:{step / 10}") == tuple(value / 10 for value in values)


# What is asked of the engine


def test_without_prompts_neutral_openings_are_swept_with_short_texts(sweeping):
    engine = SweepingEngine()
    assert sweeping(engine)(*SWEEP).returncode == 0
    assert {request.prompt for request in engine.requests} == set(NEUTRAL_OPENINGS)
    assert {request.sampling.max_tokens for request in engine.requests} == {SWEPT_TOKENS}
    assert {request.sampling.seed for request in engine.requests} == {10, 11}
    assert engine.closed


def test_prompt_seed_samples_and_length_are_taken_from_the_flags_also_before_the_command(sweeping):
    engine = SweepingEngine()
    flags = ("--seed", "3", "--prompt", "One", *SWEEP, "--samples", "3", "--max-tokens", "5", "--temperature", "0")
    assert sweeping(engine)(*flags).returncode == 0
    assert {request.prompt for request in engine.requests} == {"One"}
    assert {request.sampling.seed for request in engine.requests} == {3, 4, 5}
    assert {(request.sampling.max_tokens, request.sampling.temperature) for request in engine.requests} == {(5, 0)}


def test_prompts_come_from_a_file_one_a_line_and_blank_lines_count_for_nothing(sweeping, tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_bytes("\ufeffEins\r\n\n  \nZwei\u2028drei \n".encode())
    engine = SweepingEngine()
    assert sweeping(engine)(*SWEEP, "--prompts", str(file)).returncode == 0
    assert {request.prompt for request in engine.requests} == {"Eins", "Zwei\u2028drei "}


def test_prompts_come_from_the_input_where_the_file_is_a_dash(sweeping, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"One\nTwo\n")))
    engine = SweepingEngine()
    assert sweeping(engine)(*SWEEP, "--prompts", "-").returncode == 0
    assert {request.prompt for request in engine.requests} == {"One", "Two"}


# What is printed


def test_the_table_sets_feature_and_random_direction_side_by_side_and_explains_itself(sweeping):
    printed = sweeping(SweepingEngine())(*SWEEP, "--prompt", "One", "--samples", "1").stdout
    table, _, legend = printed.partition("\n\n")
    directions, heads, *rows = table.split("\n")
    assert directions.split() == ["winter", "random", "direction"]
    assert heads.split() == ["value", *["concept", "share", "nats", "repeats", "differs"] * 2]
    assert [row.split()[0] for row in rows] == ["-4", "0", "+4"]
    assert re.fullmatch(r" +0( +0\.00 +0 % +\d\.\d\d +0 % +0 %){2}", rows[1])
    assert len({len(line) for line in (heads, *rows)}) == 1
    assert max(map(len, printed.splitlines())) <= 80
    assert legend.startswith("One text in each row and direction, of 48 tokens at most.\n")
    assert "share    of the texts with the feature active on at least 5 % of the tokens" in legend


class WithoutLikelihoods(SweepingEngine):
    """Reads back what fires, and tells no log-probabilities."""

    async def reread(self, text, features):
        reading = await super().reread(text, features)
        return replace(reading, logprobs=(None,) * len(reading.tokens))


def test_an_engine_that_tells_no_log_probabilities_leaves_fluency_unmeasured(sweeping):
    printed = sweeping(WithoutLikelihoods(features=FEATURES))(*SWEEP, "--prompt", "One", "--samples", "1").stdout
    assert re.search(r"^ +0( +0\.00 +0 % +– +0 % +0 %){2}$", printed, re.MULTILINE)
    assert "nats     not measured: the engine tells no log-probabilities\n" in printed


def test_nothing_tells_whether_a_text_shows_the_concept_of_a_vector(sweeping):
    vectors = [replace(feature, kind=FeatureKind.VECTOR) for feature in FEATURES]
    steer = sweeping(SweepingEngine(features=vectors))
    printed = steer(*SWEEP, "--prompt", "One", "--samples", "1").stdout
    assert re.search(r"^ +0( +0\.00 +– +\d\.\d\d +0 % +0 %){2}$", printed, re.MULTILINE)
    assert max(map(len, printed.splitlines())) <= 80
    assert "share    not measured: a vector has no words of its own\n" in printed
    rows = [json.loads(line) for line in steer(*SWEEP, *SIX, "--json").stdout.splitlines()]
    assert {(row["shownBy"], row["feature"]["share"], row["random"]["share"]) for row in rows} == {(None, None, None)}
    assert rows[2]["feature"]["activation"] > 0
    (row, *_) = csv.DictReader(io.StringIO(steer(*SWEEP, *SIX, "--csv").stdout))
    assert (row["shownBy"], row["featureShare"], row["randomShare"]) == ("", "", "")


def test_json_has_an_object_a_value(sweeping):
    rows = [json.loads(line) for line in sweeping(SweepingEngine())(*SWEEP, *SIX, "--json").stdout.splitlines()]
    assert [(row["value"], row["texts"], row["shownBy"]) for row in rows] == [
        (value, 6, "activations") for value in (-4.0, 0.0, 4.0)
    ]
    for row in rows:
        assert set(row) == {"value", "texts", "shownBy", "feature", "random"}
        assert set(row["feature"]) == set(row["random"]) == MEASURES
    assert rows[1]["feature"]["divergence"] == 0
    assert (rows[2]["feature"]["share"], rows[2]["random"]["share"]) == (1, 0)


def test_csv_has_a_header_and_the_numbers_of_json(sweeping):
    steer = sweeping(SweepingEngine())
    rows = list(csv.DictReader(io.StringIO(steer(*SWEEP, *SIX, "--csv").stdout)))
    objects = [json.loads(line) for line in steer(*SWEEP, *SIX, "--json").stdout.splitlines()]
    sides = {f"{side}{name.capitalize()}" for side in ("feature", "random") for name in MEASURES}
    assert set(rows[0]) == {"value", "texts", "shownBy"} | sides
    for row, same in zip(rows, objects, strict=True):
        assert float(row["value"]) == same["value"]
        assert float(row["randomNats"]) == same["random"]["nats"]
        assert float(row["featureActivation"]) == same["feature"]["activation"]


def test_without_a_random_direction_its_half_is_empty(sweeping):
    steer = sweeping(RereadingEngine())
    assert {json.loads(line)["random"] for line in steer(*SWEEP, *SIX, "--json").stdout.splitlines()} == {None}
    assert next(csv.DictReader(io.StringIO(steer(*SWEEP, *SIX, "--csv").stdout)))["randomNats"] == ""
    heads = steer(*SWEEP, *SIX).stdout.splitlines()[:2]
    assert "random" not in heads[0]
    assert heads[1].count("nats") == 1


def test_the_same_seed_gives_the_same_numbers(sweeping):
    first = sweeping(SweepingEngine())(*SWEEP, "--json").stdout
    assert sweeping(SweepingEngine())(*SWEEP, "--json").stdout == first


# What goes wrong


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("sweep",), "Missing option '--feature'"),
        ((*SWEEP, "--values=x"), "--values is START:STOP:STEP"),
        (("sweep", "--feature", "wintr"), "--feature: There is no feature 'wintr'. Nearest: winter."),
        ((*SWEEP, "--json", "--csv"), "Give --json or --csv, not both."),
        ((*SWEEP, "--prompt", "x", "--prompts", "y"), "Give --prompt or --prompts, not both."),
        ((*SWEEP, "--prompt", " "), "The prompt is empty"),
        ((*SWEEP, "--prompts", "/nowhere/p"), "--prompts: /nowhere/p cannot be read: No such file or directory."),
        ((*SWEEP, "--samples", "0"), "Invalid value for '--samples'"),
        ((*SWEEP, "--seed", "-1"), "The seed must lie between 0"),
    ],
)
def test_what_cannot_be_is_usage_and_one_sentence(sweeping, flags, words):
    ended = sweeping(SweepingEngine())(*flags)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(("data", "words"), [(b"\n \n", "holds no prompt; write one on each"), (b"\xff", "UTF-8")])
def test_a_file_without_a_prompt_or_without_text_is_named(sweeping, tmp_path, data, words):
    file = tmp_path / "prompts.txt"
    file.write_bytes(data)
    ended = sweeping(SweepingEngine())(*SWEEP, "--prompts", str(file))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"--prompts: {file} " in ended.stderr
    assert words in ended.stderr


def test_an_engine_that_reads_no_text_back_says_so_before_anything_is_sent(sweeping):
    engine = ScriptedEngine()
    ended = sweeping(engine)(*SWEEP)
    assert (ended.returncode, ended.stdout, engine.requests) == (1, "", [])
    assert ended.stderr.startswith("steer-tui: The engine scripted cannot read a text back")


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_what_is_known_is_printed_also_when_the_engine_fails(sweeping, form):
    default, steered = [*tokens("a b", Lane.DEFAULT), done(Lane.DEFAULT)], [*tokens("c"), done()]
    engine = SweepingEngine(playing(default, steered, steered, [Rejected("It refused.", hint="Ask for less.")]))
    ended = sweeping(engine)(*SWEEP, "--prompt", "One", "--samples", "1", *form)
    assert (ended.returncode, ended.stderr) == (1, "steer-tui: It refused. Ask for less.\n")
    assert "-4" in ended.stdout
    assert "+4" not in ended.stdout
    assert engine.closed


def test_a_rate_limit_is_told_and_waited_out(sweeping):
    default, steered = [*tokens("a b", Lane.DEFAULT), done(Lane.DEFAULT)], [*tokens("c"), done()]
    engine = SweepingEngine(playing([RateLimited("Too many requests.", retry_after=0)], default, steered))
    ended = sweeping(engine)(*SWEEP, "--prompt", "One", "--samples", "1", "--json")
    assert (ended.returncode, len(ended.stdout.splitlines())) == (0, 3)
    assert ended.stderr == "steer-tui: Too many requests. Going on in 1 s.\n"


# Interrupts, pipes and terminals


def test_an_interrupt_ends_with_130_the_rows_so_far_and_the_cursor_back(process, terminal, tmp_path):
    running = process.start(*SWEEP, "--json", "--prompt", "One", "--samples", "1", stderr=terminal.theirs)
    first = running.stdout.readline()
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=20)
    assert running.returncode == 130
    assert json.loads(first)["value"] == -4
    assert len(rest.splitlines()) < 2
    assert (tmp_path / "closed").exists()
    written = terminal.read()
    assert "Traceback" not in written
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_a_closed_pipe_ends_quietly_and_closes_the_engine(sweeping, monkeypatch, form):
    reading, writing = os.pipe()
    os.close(reading)
    engine = SweepingEngine()
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        ended = sweeping(engine)(*SWEEP, "--prompt", "One", "--samples", "1", form)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert engine.closed


def test_the_bar_goes_to_standard_error_where_it_is_a_terminal_and_leaves_the_table_alone(sweeping, terminal):
    terminal.becomes("stderr")
    ended = sweeping(SweepingEngine())(*SWEEP, "--prompt", "One", "--samples", "1")
    assert ended.returncode == 0
    assert re.search(r"/6.*texts", terminal.read())
    assert "\x1b" not in ended.stdout
    assert "winter" in ended.stdout.splitlines()[0]


def test_lines_that_come_to_the_same_terminal_are_not_torn_by_a_bar(sweeping, terminal):
    terminal.becomes("stdout", "stderr")
    assert sweeping(SweepingEngine())(*SWEEP, "--prompt", "One", "--samples", "1", "--json").returncode == 0
    assert [json.loads(line)["value"] for line in terminal.read().splitlines()] == [-4, 0, 4]
