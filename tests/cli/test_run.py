"""`steer-tui run`, held against an engine that follows a script."""

import json

import pytest
from cli.scripted import ScriptedEngine

from steer_tui.domain import DoneEvent, ErrorEvent, FinishReason, Lane, Rejected, TokenEvent, Unreachable
from steer_tui.engines import EngineInfo, LanePolicy, registry

PROMPT = ("run", "--prompt", "x")


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def test_run_prints_the_text_and_a_new_line(scripted_here):
    done = scripted_here("speaks")(*PROMPT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[] one two\n", "")


def test_both_lanes_come_one_after_the_other_each_under_its_heading(scripted_here):
    done = scripted_here("speaks")(*PROMPT, "--dial", "sea=4", "--lane", "both")
    assert done.stdout == "── steered ──\n[Sea=4] one two\n\n── default ──\n[] one two\n"


def test_json_is_one_compact_line_an_event_and_has_no_headings(scripted_here):
    done = scripted_here("speaks")(*PROMPT, "--lane", "both", "--json")
    first = '{"event":"token","data":{"token":"[]","index":0,"lane":"steered"}}'
    assert done.stdout.splitlines()[0] == first
    assert [(e["event"], e["data"]["lane"]) for e in events(done.stdout)] == [
        (event, lane) for lane in ("steered", "default") for event in ("token", "token", "token", "done")
    ]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("SEA=4", "Sea=4"),
        ("toy/means/sea=-2.5", "Sea=-2.5"),
        ("1-sae/7=+1", "winter=1"),
        ("a=b=3", "a=b=3"),
        ("sea=0", ""),
    ],
)
def test_a_dial_is_named_by_its_label_whatever_the_case_or_by_its_id_and_split_at_the_last_equals_sign(
    scripted_here, written, sent
):
    assert scripted_here("speaks")(*PROMPT, "--dial", written).stdout == f"[{sent}] one two\n"


@pytest.mark.parametrize(
    ("dials", "words"),
    [
        (["wintr=4"], "There is no feature 'wintr'. Nearest: winter."),
        (["qqq=4"], "There is no feature 'qqq'. No name comes near it. `steer-tui features` lists them all."),
        (["twice=4"], "More than one feature is called 'twice'. Name it by its id: toy/1-sae/8, toy/1-sae/9."),
        (["sea=4", "toy/means/sea=5"], "the feature 'Sea' is named twice"),
    ],
)
def test_a_dial_that_the_engine_does_not_have_is_usage_and_the_nearest_are_named(scripted_here, dials, words):
    done = scripted_here("speaks")(*PROMPT, *(part for dial in dials for part in ("--dial", dial)))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("steer-tui: --dial: ")
    assert words in done.stderr


def test_dials_come_from_the_config_where_no_flag_names_one(scripted_here):
    steer = scripted_here("speaks")
    steer.write_own("[dials]\nstart = ['winter=2']\n")
    assert steer(*PROMPT).stdout == "[winter=2] one two\n"
    assert steer(*PROMPT, "--dial", "sea=4").stdout == "[Sea=4] one two\n"
    steer.write_own("[dials]\nstart = ['wintr=2']\n")
    assert f"{steer.own}, line 2: dials.start: There is no feature 'wintr'" in steer(*PROMPT).stderr


def test_flags_may_stand_before_the_command(scripted_here):
    done = scripted_here("speaks")("--dial", "sea=4", "--dial", "winter=1", "--prompt", "x", "run", "--lane", "steered")
    assert done.stdout == "[Sea=4,winter=1] one two\n"


def test_a_failure_of_the_engine_is_a_sentence_and_exit_code_1(scripted_here):
    done = scripted_here("fails")(*PROMPT)
    assert (done.returncode, done.stdout) == (1, "[]\n")
    assert done.stderr == "steer-tui: The server refused: no. Ask for less.\n"


def test_with_json_a_failure_is_an_error_event_too(scripted_here):
    done = scripted_here("fails")(*PROMPT, "--json")
    assert done.returncode == 1
    assert events(done.stdout)[-1] == {
        "event": "error",
        "data": {"message": "The server refused: no.", "code": "rejected", "lane": "steered"},
    }
    before_any_lane = scripted_here("offers nothing")(*PROMPT, "--json")
    assert events(before_any_lane.stdout)[-1]["data"] == {"message": "The server refused: no.", "code": "rejected"}


def test_a_rate_limit_is_not_waited_out_and_is_exit_code_4(scripted_here):
    done = scripted_here("is rate limited")(*PROMPT, "--json")
    assert (done.returncode, done.stderr) == (4, "steer-tui: Too many requests. Try again in 12 seconds.\n")
    assert events(done.stdout)[-1]["data"]["retryAfter"] == 12


def test_a_lost_connection_is_tried_again_after_a_wait_and_its_text_is_not_repeated(scripted_here):
    done = scripted_here("loses the connection once")(*PROMPT)
    assert (done.returncode, done.stdout) == (0, "[] one two\n")
    assert done.stderr == "steer-tui: The connection was lost. Trying again in 0.1 s (1 of 3).\n"
    as_json = events(scripted_here("loses the connection once")(*PROMPT, "--json").stdout)
    assert [e["event"] for e in as_json] == ["token", "token", "token", "done"]


def test_where_another_text_comes_after_a_lost_connection_all_of_it_is_printed_on_a_new_line(scripted_here):
    done = scripted_here("says something else after a lost connection")(*PROMPT)
    assert done.stdout == "one two\none three\n"
    assert done.stderr.endswith("steer-tui: The steered text came out differently this time.\n")
    as_json = events(scripted_here("says something else after a lost connection")(*PROMPT, "--json").stdout)
    assert [e["data"]["keep"] for e in as_json if e["event"] == "rewind"] == [1]


class Shortening(ScriptedEngine):
    """Says less when it is asked again."""

    async def stream(self, request):
        self.attempts += 1
        yield TokenEvent("one", 0, Lane.STEERED)
        if self.attempts == 1:
            yield TokenEvent(" two", 1, Lane.STEERED)
            raise Unreachable("The connection was lost.", retry_after=0.01)
        yield DoneEvent(Lane.STEERED, FinishReason.COMPLETE)


def test_where_a_shorter_text_comes_after_a_lost_connection_it_is_printed_on_a_new_line(scripted_here, monkeypatch):
    steer = scripted_here("speaks")
    monkeypatch.setitem(registry._FACTORIES, "builtin", lambda _: Shortening())
    done = steer(*PROMPT)
    assert (done.returncode, done.stdout) == (0, "one two\none\n")
    assert "came out differently" in done.stderr


def test_a_prompt_longer_than_the_models_window_is_told_on_standard_error(scripted_here):
    done = scripted_here("speaks")("run", "--prompt", "one two three four five six seven")
    assert (done.returncode, done.stdout) == (0, "[] one two\n")
    assert done.stderr == "steer-tui: The prompt has 7 tokens, and the model reads the last 5 of them.\n"


class HalfRefusing(ScriptedEngine):
    """Gives both lanes with one request, and refuses the default one on the way."""

    info = EngineInfo("builtin", "toy", lanes=LanePolicy.TOGETHER)

    async def stream(self, request):
        yield TokenEvent("a", 0, Lane.DEFAULT)
        yield TokenEvent("b", 0, Lane.STEERED)
        yield ErrorEvent("No more of it.", "rejected", None, Lane.DEFAULT)
        yield TokenEvent("c", 1, Lane.STEERED)
        yield DoneEvent(Lane.STEERED, FinishReason.COMPLETE)


def test_where_lanes_come_together_the_failure_of_one_stops_no_other_and_is_told_at_the_end(scripted_here, monkeypatch):
    steer = scripted_here("speaks")
    monkeypatch.setitem(registry._FACTORIES, "builtin", lambda _: HalfRefusing())
    done = steer(*PROMPT, "--lane", "both")
    assert (done.returncode, done.stdout) == (1, "── steered ──\nbc\n\n── default ──\na\n")
    assert done.stderr.startswith("steer-tui: No more of it. ")
    as_json = steer(*PROMPT, "--lane", "both", "--json")
    assert as_json.returncode == 1
    assert [e["event"] for e in events(as_json.stdout)] == ["token", "token", "error", "token", "done"]


class Failing(HalfRefusing):
    """Gives both lanes with one request, which fails on the way."""

    async def stream(self, request):
        yield TokenEvent("a", 0, Lane.DEFAULT)
        yield TokenEvent("b", 0, Lane.STEERED)
        yield TokenEvent("c", 1, Lane.DEFAULT)
        raise Rejected("Enough.", hint="Ask for less.")


def test_where_lanes_come_together_and_fail_together_what_came_of_both_is_printed(scripted_here, monkeypatch):
    steer = scripted_here("speaks")
    monkeypatch.setitem(registry._FACTORIES, "builtin", lambda _: Failing())
    done = steer(*PROMPT, "--lane", "both")
    assert (done.returncode, done.stdout) == (1, "── steered ──\nb\n\n── default ──\nac\n")
    assert done.stderr == "steer-tui: Enough. Ask for less.\n"
    as_json = events(steer(*PROMPT, "--lane", "both", "--json").stdout)
    assert [e["event"] for e in as_json] == ["token", "token", "token", "error"]


def test_a_raw_strength_may_lie_beyond_a_dials_ends(scripted_here):
    assert scripted_here("speaks")(*PROMPT, "--raw", "--dial", "sea=50").stdout == "[Sea=25] one two\n"
