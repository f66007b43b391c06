"""Events as they travel, against the examples of the design."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer_tui.domain import (
    ActivationEvent,
    DoneEvent,
    ErrorEvent,
    Event,
    FeatureActivation,
    FinishReason,
    Lane,
    Malformed,
    RewindEvent,
    TokenEvent,
    event_from_wire,
    event_to_wire,
)

STEERED = Lane.STEERED

EXAMPLES: list[tuple[Event, str, str]] = [
    (
        TokenEvent(" sea", 0, STEERED, -1.2),
        "token",
        '{"token": " sea", "index": 0, "lane": "steered", "logprob": -1.2}',
    ),
    (TokenEvent(" sea", 0, Lane.DEFAULT), "token", '{"token": " sea", "index": 0, "lane": "default"}'),
    (
        ActivationEvent(0, STEERED, (FeatureActivation("m/1/8", "sea", 3.1),)),
        "activation",
        '{"tokenIndex": 0, "lane": "steered", "features": [{"id": "m/1/8", "label": "sea", "activation": 3.1}]}',
    ),
    (RewindEvent(STEERED, 12), "rewind", '{"lane": "steered", "keep": 12}'),
    (DoneEvent(STEERED, FinishReason.COMPLETE), "done", '{"lane": "steered", "finishReason": "complete"}'),
    (DoneEvent(STEERED, FinishReason.MAX_TOKENS), "done", '{"lane": "steered", "finishReason": "max_tokens"}'),
    (DoneEvent(STEERED, FinishReason.STOP_SEQUENCE), "done", '{"lane": "steered", "finishReason": "stop_sequence"}'),
    (
        ErrorEvent("Too many.", "rate_limited", 12, STEERED),
        "error",
        '{"message": "Too many.", "code": "rate_limited", "retryAfter": 12, "lane": "steered"}',
    ),
    (ErrorEvent("Gone.", "unreachable"), "error", '{"message": "Gone.", "code": "unreachable"}'),
]


@pytest.mark.parametrize(("event", "name", "wire"), EXAMPLES)
def test_an_event_travels_as_the_design_says(event: Event, name: str, wire: str) -> None:
    told, data = event_to_wire(event)
    assert (told, json.dumps(data)) == (name, wire)


def test_what_is_no_number_in_json_is_left_out() -> None:
    nan, inf = float("nan"), float("inf")
    read = ActivationEvent(0, STEERED, tuple(FeatureActivation(str(n), "", n) for n in (nan, inf, 1.0)))
    odd: list[Event] = [TokenEvent("a", 0, STEERED, nan), read, ErrorEvent("", "", nan), ErrorEvent("", "", inf)]
    token, fired, error, late = (event_to_wire(event)[1] for event in odd)
    assert (token, error) == ({"token": "a", "index": 0, "lane": "steered"}, {"message": "", "code": ""})
    assert ([one["id"] for one in fired["features"]], late["retryAfter"]) == (["1.0"], 1e6)


NUMBERS = st.floats(-100, 100)
LANES = st.sampled_from(Lane)
READINGS = st.builds(FeatureActivation, st.text(), st.text(), NUMBERS)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(TokenEvent, st.text(), st.integers(0, 9999), LANES, st.none() | NUMBERS),
    st.builds(ActivationEvent, st.integers(0, 9999), LANES, st.lists(READINGS, max_size=3).map(tuple)),
    st.builds(RewindEvent, LANES, st.integers(0, 9999)),
    st.builds(DoneEvent, LANES, st.sampled_from(FinishReason)),
    st.builds(ErrorEvent, st.text(), st.text(), st.none() | st.floats(0, 1e6), st.none() | LANES),
)


def keys(data: Any) -> list[str]:
    if isinstance(data, dict):
        return [key for name, value in data.items() for key in (name, *keys(value))]
    return [key for item in data for key in keys(item)] if isinstance(data, list) else []


@given(EVENTS)
def test_every_event_survives_json_with_camel_case_keys_and_no_nulls(event: Event) -> None:
    _, data = event_to_wire(event)
    assert json.loads(json.dumps(data)) == data
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", key) for key in keys(data))
    assert None not in data.values()


@given(st.text())
def test_text_travels_as_it_came(text: str) -> None:
    assert event_to_wire(TokenEvent(text, 0, STEERED))[1]["token"] == text


@pytest.mark.parametrize(("event", "name", "wire"), EXAMPLES)
def test_an_event_is_read_as_it_travels(event: Event, name: str, wire: str) -> None:
    assert event_from_wire(name, json.loads(wire)) == event


@given(EVENTS)
def test_what_is_written_is_read_as_the_same(event: Event) -> None:
    name, data = event_to_wire(event)
    read = event_from_wire(name, json.loads(json.dumps(data)))
    assert read is not None
    assert event_to_wire(read) == (name, data)


def test_an_event_that_nobody_knows_is_none_and_what_it_holds_does_not_matter() -> None:
    assert event_from_wire("applause", {"loud": True}) is None
    assert event_from_wire("applause", 7) is None


def test_more_than_an_event_needs_is_passed_over() -> None:
    assert event_from_wire("rewind", {"lane": "default", "keep": 3, "why": "live"}) == RewindEvent(Lane.DEFAULT, 3)


FIELDS = st.sampled_from(
    ["token", "index", "lane", "logprob", "tokenIndex", "features", "keep", "finishReason", "message", "code", "id"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from([*Lane, *FinishReason]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=6,
)


@given(st.sampled_from(["token", "activation", "rewind", "done", "error"]), VALUES)
def test_whatever_comes_is_an_event_that_can_be_or_malformed(name: str, data: object) -> None:
    try:
        read = event_from_wire(name, data)
    except Malformed as error:
        assert repr(name) in error.message
    else:
        assert read is not None
        assert json.loads(json.dumps(event_to_wire(read)[1], allow_nan=False))
