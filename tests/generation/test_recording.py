"""Recordings are written line by line, and read with care: anybody may have sent them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from recorded import DIALS, RUN, at, read, recording, word, write
from scripted_engine import FEATURES, done

from steer_tui import __version__
from steer_tui.domain import (
    ActivationEvent,
    Dial,
    ErrorEvent,
    Feature,
    FeatureActivation,
    FeatureKind,
    Lane,
    Malformed,
    TokenEvent,
)
from steer_tui.domain.events import LAST_MOMENT
from steer_tui.generation.recording import new_recording, read_recording

SHORT = recording(at(0.5, word("The", 0)), at(0.5, read(2.5, 0)), at(0.75, word(" sea", 1)), at(0.75, done()))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def changed(file: Path, number: int, **fields: object) -> Path:
    """The file with fields of one line set."""
    all_lines = lines(file)
    all_lines[number - 1] |= fields
    file.write_text("".join(json.dumps(line) + "\n" for line in all_lines))
    return file


def refused(file: Path) -> Malformed:
    with pytest.raises(Malformed) as caught:
        read_recording(file)
    return caught.value


# What is written


def test_the_first_line_says_what_the_run_was_made_from_and_each_other_one_an_event(file):
    header, *events = lines(write(file, SHORT))
    feature = FEATURES[0]
    assert header == {
        "recording": 1,
        "steerTui": __version__,
        "engine": "scripted",
        "model": "stories-0M",
        "prompt": "Once upon a time",
        "chat": False,
        "sampling": {"temperature": 0.7, "maxTokens": 40, "seed": 3, "stop": ["THE END"]},
        "method": "additive",
        "dials": [
            {
                "id": dial.feature.id,
                "label": dial.feature.label,
                "unit": 2.0,
                "unitOrigin": feature.unit_origin,
                "kind": "sae",
                "residualNorm": 50.0,
                "maxActivation": 8.0,
                "density": dial.feature.density,
                "promoted": [],
                "suppressed": [],
                "value": dial.value,
                "muted": False,
            }
            for dial in DIALS
        ],
        "lanes": ["steered", "default"],
    }
    assert events[0] == {"at": 0.5, "event": "token", "data": {"token": "The", "index": 0, "lane": "steered"}}
    assert [event["event"] for event in events] == ["token", "activation", "token", "done"]


def test_what_is_written_is_read_again(file):
    assert read_recording(write(file, SHORT)) == SHORT


def test_each_line_is_in_the_file_before_the_next_event_comes(file):
    with new_recording(file) as recorder:
        recorder.begin(RUN)
        assert len(lines(file)) == 1
        recorder.take(word("The", 0))
        assert read_recording(file).events[0].event == word("The", 0)


def test_a_file_that_is_there_stays_as_it_is(file):
    file.write_text("mine")
    with pytest.raises(FileExistsError), new_recording(file):
        pass
    assert file.read_text() == "mine"


def test_a_recording_of_nothing_leaves_no_file(file):
    with new_recording(file):
        pass
    assert not file.exists()


@pytest.mark.parametrize(
    ("id", "label", "told_id", "told_label"),
    [
        ("/home/ada/vectors/happy.gguf", "happy", "happy.gguf", "happy"),
        ("/home/ada/vectors/happy.gguf@12", "happy@12", "happy.gguf@12", "happy@12"),
        ("/home/ada/an sae#123", "an sae#123", "an sae#123", "an sae#123"),
        ("random-7//home/ada/happy.gguf", "random direction 7 at happy", "random-7/happy.gguf", None),
        (r"C:\Users\ada\happy.gguf", "happy", "happy.gguf", "happy"),
        ("/home/ada/happy.gguf", "happy (ada/happy.gguf)", "happy.gguf", "happy (happy.gguf)"),
        ("gemma-2-2b/20-gemmascope-res-16k/3124", "a/b", "gemma-2-2b/20-gemmascope-res-16k/3124", "a/b"),
    ],
)
def test_of_a_file_only_its_own_name_is_written_wherever_it_is_named(file, id, label, told_id, told_label):
    dial = Dial(Feature(id, label, 1.0, FeatureKind.VECTOR), 2.0)
    fired = ActivationEvent(0, Lane.STEERED, (FeatureActivation(id, label, 1.0),))
    written = recording(at(0, word("a", 0)), at(0, fired), dials=(dial,), model="/home/ada/models/tiny")
    found = read_recording(write(file, written))
    assert "ada/" not in file.read_text() and "\\ada" not in file.read_text()
    assert (found.run.model, found.run.features[0].id) == ("tiny", told_id)
    assert found.run.features[0].label == (told_label or label)
    assert found.events[1].event.features[0].id == told_id


def test_two_files_of_one_name_stay_two(file):
    dials = [Dial(Feature(f"/{folder}/happy.gguf", f"happy ({folder}/happy.gguf)", 1.0), 1.0) for folder in "ab"]
    found = read_recording(write(file, recording(dials=tuple(dials))))
    assert [one.id for one in found.run.features] == ["happy.gguf", "happy.gguf (2)"]
    assert [one.label for one in found.run.features] == ["happy (happy.gguf)", "happy (happy.gguf) (2)"]


def test_an_error_is_written_without_the_addresses_and_paths_that_it_names(file):
    error = ErrorEvent("http://10.0.0.7:8000/v1?key=s3cret could not read /home/ada/x.gguf.", "unreachable")
    found = read_recording(write(file, recording(at(0, error))))
    assert found.events[0].event.message == "(an address) could not read (a path)"


def test_what_is_no_number_in_json_is_left_out(file):
    nan, inf = float("nan"), float("inf")
    fired = ActivationEvent(
        0, Lane.STEERED, tuple(FeatureActivation(f"m/1/{n}", "f", v) for n, v in enumerate([nan, inf, 1.0]))
    )
    odd = [TokenEvent("a", 0, Lane.STEERED, -inf), fired, ErrorEvent("no", "rate_limited", 1e9, Lane.STEERED)]
    found = read_recording(
        write(file, recording(*(at(0, event) for event in odd), dials=(Dial(replace(FEATURES[0], residual_norm=nan)),)))
    )
    token, activation, error = (timed.event for timed in found.events)
    assert (token.logprob, [one.activation for one in activation.features]) == (None, [1.0])
    assert (error.retry_after, found.run.dials[0].feature.residual_norm) == (LAST_MOMENT, None)


# What is read


def test_a_last_line_that_was_not_written_to_its_end_is_left_out_and_told(file):
    whole = write(file, SHORT).read_bytes()
    header = whole.index(b"\n") + 1
    for end in range(header, len(whole)):
        file.write_bytes(whole[:end])
        found = read_recording(file)
        complete = whole[:end].count(b"\n") - 1
        is_cut = whole[:end].rsplit(b"\n", 1)[1] != b"" and whole[end : end + 1] != b"\n"
        assert found.events == SHORT.events[: complete if is_cut or whole[end - 1 : end] == b"\n" else complete + 1]
        assert (found.note is not None) is is_cut


def test_a_first_line_that_was_not_written_to_its_end_is_no_recording(file):
    whole = write(file, SHORT).read_bytes()
    file.write_bytes(whole[:40])
    assert str(refused(file)) == "run.jsonl, line 1: it is not JSON."


def test_an_empty_file_is_no_recording(file):
    file.write_bytes(b"")
    error = refused(file)
    assert (error.message, error.hint) == ("run.jsonl is empty.", "`steer-tui run --record FILE` writes a recording.")


@pytest.mark.parametrize(
    "text",
    [
        '{"event":"token","data":{}}',
        "[1]",
        "3",
        '"recording"',
        "null",
        '{"recording":"1"}',
        '{"recording":true}',
        '{"recording":0}',
    ],
)
def test_a_file_that_begins_otherwise_is_no_recording(file, text):
    file.write_text(text + "\n")
    assert str(refused(file)) == "run.jsonl, line 1: it does not begin as a recording does."


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\0\0", b"\xff\xfe{\0}\0", b"Once upon a time\n", b"[" * 100_000 + b"\n"]
)
def test_a_file_of_another_kind_is_no_recording(file, content):
    file.write_bytes(content)
    assert refused(file).message == "run.jsonl, line 1: it is not JSON."


def test_a_file_of_a_later_version_is_refused_with_the_version_that_wrote_it(file):
    changed(write(file, SHORT), 1, recording=2, steerTui="7.1")
    error = refused(file)
    assert error.message == "run.jsonl, line 1: it was written by a newer steer-tui (7.1)."
    assert "that version" in error.hint


def test_what_is_not_known_of_the_first_line_is_passed_over(file):
    assert read_recording(changed(write(file, SHORT), 1, weather="fine")) == SHORT


def test_a_byte_order_mark_blank_lines_and_other_line_ends_do_no_harm(file):
    text = write(file, SHORT).read_text()
    file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n\r\n").encode())
    assert read_recording(file) == SHORT


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"prompt": 3}, "it does not say its prompt as it should"),
        ({"sampling": {"temperature": 1.0}}, "it does not say its sampling.maxTokens as it should"),
        ({"dials": [{"label": "x"}]}, "it does not say its dials.0.id as it should"),
        ({"dials": "x" * 10}, "it does not say its dials as it should"),
        ({"method": "magic"}, "it does not say its method as it should"),
        ({"lanes": ["third"]}, "it does not say its lanes.0 as it should"),
        ({"lanes": []}, "it cannot be: A request names one lane or both, each once"),
        ({"lanes": ["steered", "steered"]}, "it cannot be: A request names one lane or both, each once"),
        ({"prompt": " "}, "it cannot be: The prompt is empty: type something first"),
        (
            {"sampling": {"temperature": 1.0, "maxTokens": 0, "seed": 1, "stop": []}},
            "it cannot be: The number of tokens",
        ),
    ],
)
def test_a_first_line_with_a_wrong_field_names_it(file, fields, sentence):
    changed(write(file, SHORT), 1, **fields)
    assert refused(file).message.startswith(f"run.jsonl, line 1: {sentence}")


@pytest.mark.parametrize("field", [{"unit": 0.0}, {"unit": 1e300}, {"value": 1e300}, {"label": " "}, {"unit": True}])
def test_a_dial_that_cannot_be_is_refused(file, field):
    [dial, *_] = lines(write(file, SHORT))[0]["dials"]
    assert refused(changed(file, 1, dials=[dial | field])).message.startswith("run.jsonl, line 1: ")


def test_two_dials_of_one_feature_are_refused(file):
    [dial, *_] = lines(write(file, SHORT))[0]["dials"]
    assert "Two dials are of one feature" in refused(changed(file, 1, dials=[dial, dial])).message


TOKEN = {"token": "x", "index": 0, "lane": "steered"}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"at": -1}, "it does not say when its event came, in seconds since the run began"),
        ({"at": 1e7}, "it does not say when its event came, in seconds since the run began"),
        ({"at": 10**400}, "it does not say when its event came, in seconds since the run began"),
        ({"at": True}, "it does not say when its event came, in seconds since the run began"),
        ({"at": None}, "it does not say when its event came, in seconds since the run began"),
        ({"at": 0.25}, "its event came before that of the line above"),
        ({"event": "explosion"}, "it names no event that is known"),
        ({"event": None}, "it names no event that is known"),
        ({"event": ["token"]}, "it names no event that is known"),
        ({"data": {}}, "The event 'token' does not say its token as it should"),
        ({"data": TOKEN | {"index": -1}}, "The event 'token' does not say its index as it should"),
        ({"data": [1]}, "The event 'token' does not say its token as it should"),
    ],
)
def test_an_event_that_cannot_be_names_its_line(file, fields, sentence):
    changed(write(file, SHORT), 4, **fields)
    assert refused(file).message == f"run.jsonl, line 4: {sentence}."


def test_an_event_of_a_lane_that_was_not_asked_for_is_refused(file):
    changed(write(file, SHORT), 1, lanes=["default"])
    assert refused(file).message == "run.jsonl, line 2: its event is of the steered text, which was not asked for."


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_number_that_json_does_not_have_is_refused(file, number):
    text = write(file, SHORT).read_text()
    file.write_text(text.replace('"at":0.75', f'"at":{number}', 1))
    assert refused(file).message.startswith("run.jsonl, line 4: ")


def test_an_activation_too_large_to_be_drawn_is_refused(file):
    fired = {"id": "m", "label": "m", "activation": 1e300}
    changed(write(file, SHORT), 3, data={"tokenIndex": 0, "lane": "steered", "features": [fired]})
    assert refused(file).message == "run.jsonl, line 3: an activation in it is too large to be one."


def test_an_event_of_more_features_than_there_are_dials_is_refused_and_none_is_written(file):
    fired = [FeatureActivation(f"m/1/{number}", f"{number}", 1.0) for number in range(65)]
    found = read_recording(
        write(file, recording(at(0, word("a", 0)), at(0, ActivationEvent(0, Lane.STEERED, tuple(fired)))))
    )
    assert found.events[1].event.features == tuple(fired[:64])
    told = [{"id": one.id, "label": one.label, "activation": 1.0} for one in fired]
    changed(file, 3, data={"tokenIndex": 0, "lane": "steered", "features": told})
    assert refused(file).message == "run.jsonl, line 3: its event tells of more than 64 features."


def test_a_line_that_is_no_json_in_the_middle_names_its_number(file):
    text = write(file, SHORT).read_text()
    file.write_text(text.replace('{"at":0.75', "{", 1))
    assert refused(file).message == "run.jsonl, line 4: it is not JSON."


def test_lines_and_files_and_events_without_end_are_refused(file, monkeypatch):
    monkeypatch.setattr("steer_tui.generation.recording.reading.LINE_BYTES", 2000)
    monkeypatch.setattr("steer_tui.generation.recording.reading.MOST_EVENTS", 3)
    write(file, SHORT)
    assert refused(file).message == "run.jsonl, line 5: a recording has 3 events at most."
    text = file.read_text()
    file.write_text(text.replace('"token":"The"', f'"token":"{"x" * 2000}"'))
    assert refused(file).message == "run.jsonl, line 2: it is longer than 2,000 bytes."
    monkeypatch.setattr("steer_tui.generation.recording.reading.FILE_BYTES", len(text.splitlines()[0]) + 10)
    file.write_text(text)
    assert refused(file).message.startswith("run.jsonl, line 2: a recording has ")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="only where there is a file without end")
def test_a_file_without_end_is_not_read_to_its_end():
    assert refused(Path("/dev/zero")).message == "zero, line 1: it is longer than 4,194,304 bytes."
