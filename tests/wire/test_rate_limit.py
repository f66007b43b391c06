"""What servers say of their limits, in all the ways in which they say it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer_tui.wire import RateLimit, read_rate_limit

NOW = 1_790_000_000.0  # Mon, 21 Sep 2026 14:13:20 GMT
NEURONPEDIA = {
    "endpoint": "/api/steer",
    "limitPerWindow": 240,
    "requestWindow": "60 m",
    "remainingRequests": 0,
    "error": "Rate limit exceeded for this endpoint.",
}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "Mon, 21 Sep 2026 14:13:50 GMT"}, 30.0),
        ({"Retry-After": "Monday, 21-Sep-26 14:13:50 GMT"}, 30.0),
        ({"Retry-After": "Mon Sep 21 14:13:50 2026"}, 30.0),
        ({"Retry-After": "Mon, 21 Sep 2026 14:00:00 GMT"}, 0.0),
        ({"Retry-After": "Mon, 21 Sep 2026 11:00:45 GMT", "Date": "Mon, 21 Sep 2026 11:00:00 GMT"}, 45.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float) -> None:
    assert read_rate_limit(headers, None, NOW) == RateLimit(retry_after=seconds)


@pytest.mark.parametrize("said", ["", "-1", "soon", "1e3", "٣", "nan", "inf", "Mon, 99 Foo 2026", "9" * 5000, "12, 13"])
def test_a_retry_after_that_means_nothing_is_none(said: str) -> None:
    assert read_rate_limit({"Retry-After": said}, None, NOW) is None


def test_requests_that_are_left() -> None:
    assert read_rate_limit({"X-Limit-Remaining": "239"}, {"STEERED": "s"}, NOW) == RateLimit(remaining=239)


def test_nothing_said_is_no_reading() -> None:
    assert read_rate_limit({"content-type": "application/json"}, ["a list"], NOW) is None


@pytest.mark.parametrize(
    ("headers", "reading"),
    [
        (
            {
                "RateLimit-Limit": "10",
                "RateLimit-Remaining": "0",
                "RateLimit-Reset": "42",
                "RateLimit-Policy": "10;w=60",
            },
            RateLimit(10, 0, resets_after=42.0, window=60.0),
        ),
        (
            {"RateLimit-Limit": "10, 10;w=1, 1000;w=3600", "RateLimit-Remaining": "3"},
            RateLimit(10, 3),
        ),
        (
            {"RateLimit": "limit=10, remaining=5, reset=30", "RateLimit-Policy": "10;w=60"},
            RateLimit(10, 5, resets_after=30.0, window=60.0),
        ),
        (
            {"RateLimit": '"default";r=5;t=30', "RateLimit-Policy": '"default";q=100;w=60'},
            RateLimit(100, 5, resets_after=30.0, window=60.0, name="default"),
        ),
        (
            {
                "RateLimit": '"per; minute, or so"; r=7; t=3, "day";r=2;t=5000',
                "RateLimit-Policy": '"per; minute, or so";q=10;w=60, "day";q=1000;w=86400',
            },
            RateLimit(1000, 2, resets_after=5000.0, window=86400.0, name="day"),
        ),
        ({"RateLimit": '"per, minute";r=0'}, RateLimit(remaining=0, name="per, minute")),
    ],
    ids=["draft 6", "draft 3", "draft 7", "newer", "the one that is met first", "without a policy"],
)
def test_the_drafts_of_a_standard(headers: dict[str, str], reading: RateLimit) -> None:
    assert read_rate_limit(headers, None, NOW) == reading


def test_the_body_of_neuronpedias_refusal() -> None:
    reading = RateLimit(240, 0, window=3600.0, name="/api/steer")
    assert read_rate_limit({}, NEURONPEDIA, NOW) == reading
    assert reading.wait is None


@pytest.mark.parametrize("said", [12, 12.0, "12"])
def test_the_body_of_a_gateways_refusal(said: object) -> None:
    body = {"error": "Rate limited. Please wait before generating again.", "retryAfter": said}
    assert read_rate_limit({}, body, NOW) == RateLimit(retry_after=12.0)


@pytest.mark.parametrize("said", [None, True, -1, "soon", [12], float("nan"), float("inf"), 10**400])
def test_a_body_that_means_nothing_is_none(said: object) -> None:
    body = {"retryAfter": said, "limitPerWindow": said, "requestWindow": said, "remainingRequests": said}
    assert read_rate_limit({}, body, NOW) is None


def test_a_header_goes_before_the_body() -> None:
    reading = read_rate_limit({"Retry-After": "3"}, {"retryAfter": 12}, NOW)
    assert reading is not None
    assert reading.wait == 3.0


def test_the_wait_is_the_windows_end_where_no_request_is_left() -> None:
    assert RateLimit(remaining=0, resets_after=42.0).wait == 42.0
    assert RateLimit(resets_after=42.0).wait == 42.0
    assert RateLimit(remaining=3, resets_after=42.0).wait is None
    assert RateLimit(remaining=0, retry_after=5.0, resets_after=42.0).wait == 5.0


NAMES = [
    "Retry-After",
    "Date",
    "X-Limit-Remaining",
    "RateLimit",
    "RateLimit-Policy",
    "RateLimit-Limit",
    "RateLimit-Reset",
]
SAID = st.one_of(
    st.text(max_size=20),
    st.text('"\\;,=rtqw0189 GMT:-', max_size=30),
    st.datetimes().map(lambda date: date.strftime("%a, %d %b %Y %H:%M:%S -2359")),
)
BODIES = st.dictionaries(
    st.sampled_from([*NEURONPEDIA, "retryAfter"]), st.one_of(SAID, st.floats(), st.integers(), st.none(), st.booleans())
)


def test_a_header_of_quotes_that_nothing_closes_is_read_at_once() -> None:
    assert read_rate_limit({"RateLimit": '"\\' * 50_000}, None, NOW) is None


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), SAID), BODIES)
def test_no_header_or_body_breaks_the_reading(headers: dict[str, str], body: dict[str, object]) -> None:
    reading = read_rate_limit(headers, body, NOW)
    assert reading is None or reading.wait is None or reading.wait >= 0
