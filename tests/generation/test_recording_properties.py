"""Whatever a run brings, its recording brings again; whatever is in a file, reading it is harmless."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import recording, write

from steer_tui.domain import (
    SEED_MAX,
    ActivationEvent,
    Dial,
    DoneEvent,
    ErrorEvent,
    Feature,
    FeatureActivation,
    FeatureKind,
    FinishReason,
    Lane,
    Malformed,
    Method,
    RewindEvent,
    Sampling,
    TokenEvent,
)
from steer_tui.engines.replay import TimedEvent
from steer_tui.generation.recording import read_recording

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)
"""Lone surrogates and control characters among it."""

# Not a path: of those only the last part is written.
NAMES = ANY_TEXT.filter(lambda name: name.strip() != "" and "/" not in name and "\\" not in name)
ROUNDED = st.integers(-(10**6), 10**6).map(lambda tenths: round(tenths * 0.0001, 4))
INDEXES = st.integers(0, 10**6)
LANES = st.sampled_from(Lane)

DIALS = st.builds(
    Dial,
    st.builds(
        Feature,
        NAMES,
        NAMES,
        st.floats(1e-6, 1e6),
        st.sampled_from(FeatureKind),
        ANY_TEXT,
        st.none() | st.floats(0, 1e6),
        st.none() | st.floats(0, 1e6),
        st.none() | st.floats(0, 1),
        st.lists(ANY_TEXT, max_size=2).map(tuple),
        st.lists(ANY_TEXT, max_size=2).map(tuple),
    ),
    st.floats(-1e6, 1e6),
    st.booleans(),
)

EVENTS = st.one_of(
    st.builds(TokenEvent, ANY_TEXT, INDEXES, LANES, st.none() | ROUNDED),
    st.builds(
        ActivationEvent,
        INDEXES,
        LANES,
        st.lists(st.builds(FeatureActivation, NAMES, NAMES, ROUNDED), max_size=2, unique_by=lambda one: one.id).map(
            tuple
        ),
    ),
    st.builds(RewindEvent, LANES, INDEXES),
    st.builds(DoneEvent, LANES, st.sampled_from(FinishReason)),
    st.builds(
        ErrorEvent,
        NAMES.filter(lambda text: "://" not in text),
        ANY_TEXT,
        st.none() | st.floats(0, 1e6),
        st.none() | LANES,
    ),
)

RECORDINGS = st.builds(
    lambda prompt, sampling, dials, method, chat, moments, events: recording(
        *map(TimedEvent, sorted(moments), events),
        prompt=prompt,
        sampling=sampling,
        dials=tuple(dials),
        method=method,
        chat=chat,
    ),
    ANY_TEXT.filter(lambda text: text.strip() != ""),
    st.builds(
        Sampling,
        st.floats(0, 10),
        st.integers(1, 10**6),
        st.integers(0, SEED_MAX),
        st.lists(ANY_TEXT.filter(bool), max_size=2).map(tuple),
    ),
    st.lists(DIALS, max_size=3, unique_by=(lambda dial: dial.feature.id, lambda dial: dial.feature.label)),
    st.sampled_from(Method),
    st.booleans(),
    st.lists(st.integers(0, 10**7).map(lambda steps: round(steps * 0.001, 4)), min_size=6, max_size=6),
    st.lists(EVENTS, max_size=6),
)


@settings(max_examples=40)
@given(RECORDINGS)
def test_what_is_recorded_is_read_again(written):
    with TemporaryDirectory() as folder:
        assert labels_aside(read_recording(write(Path(folder) / "run.jsonl", written))) == labels_aside(written)


def labels_aside(found):
    """Events may call one feature by two names, of which a recording keeps the first."""
    text = repr(found)
    for timed in found.events:
        if isinstance(timed.event, ActivationEvent):
            for one in timed.event.features:
                text = text.replace(repr(one), f"{one.id!r} {one.activation!r}")
    return text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["at", "event", "data", "token", "index", "lane", "features", "keep", "id"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=40)
@given(RECORDINGS, st.data())
def test_a_recording_that_was_changed_anywhere_is_read_or_refused_and_nothing_else(written, data):
    with TemporaryDirectory() as folder:
        file = write(Path(folder) / "run.jsonl", written)
        lines = [json.loads(line) for line in file.read_bytes().splitlines()]
        line = data.draw(st.sampled_from(lines))
        line[data.draw(st.sampled_from(sorted(line)))] = data.draw(JSON)
        file.write_text("".join(json.dumps(one) + "\n" for one in lines))
        read_or_refused(file)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_and_nothing_else(content):
    with TemporaryDirectory() as folder:
        file = Path(folder) / "run.jsonl"
        file.write_bytes(content)
        read_or_refused(file)


def read_or_refused(file):
    try:
        read_recording(file)
    except Malformed as error:
        assert error.message.startswith("run.jsonl")
