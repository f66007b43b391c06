"""The family of errors: their names as they travel, their hints, and which of them may pass."""

import pytest

from steer_tui.domain import (
    Malformed,
    NotFound,
    Overloaded,
    RateLimited,
    Rejected,
    SteerError,
    TimedOut,
    Truncated,
    Unauthorized,
    Unreachable,
    Unsupported,
    error_from_code,
)

CODES: dict[str, type[SteerError]] = {
    "rate_limited": RateLimited,
    "unreachable": Unreachable,
    "unauthorized": Unauthorized,
    "rejected": Rejected,
    "not_found": NotFound,
    "overloaded": Overloaded,
    "timed_out": TimedOut,
    "truncated": Truncated,
    "malformed": Malformed,
    "unsupported": Unsupported,
}


@pytest.mark.parametrize(("code", "kind"), CODES.items())
def test_a_code_is_the_errors_name_and_leads_back_to_it(code: str, kind: type[SteerError]) -> None:
    error = kind("What happened.", retry_after=2.5)
    assert error.code == code
    back = error_from_code(error.code, error.message, error.retry_after)
    assert type(back) is kind
    assert (back.message, back.retry_after) == ("What happened.", 2.5)


def test_the_family_is_complete() -> None:
    assert {kind for kind in SteerError.__subclasses__() if kind.__module__.startswith("steer_tui.")} == set(
        CODES.values()
    )


@pytest.mark.parametrize("code", [None, "", "surprise", "RateLimited", "steer_error", "rate limited"])
def test_a_code_that_nobody_knows_is_malformed(code: str | None) -> None:
    error = error_from_code(code, "What happened.")
    assert type(error) is Malformed
    assert error.message == "What happened."


@pytest.mark.parametrize("kind", CODES.values())
def test_each_error_says_what_to_do_next(kind: type[SteerError]) -> None:
    assert kind("").hint.endswith(".")
    assert kind("").hint == kind.default_hint
    assert kind("", hint="Look there.").hint == "Look there."


def test_the_message_is_what_is_shown() -> None:
    assert str(Rejected("No such model.")) == "No such model."


def test_what_may_pass_is_asked_again() -> None:
    passing = {kind for kind in CODES.values() if kind.passing}
    assert passing == {Unreachable, Truncated, TimedOut, Overloaded}


def test_a_kind_of_an_error_travels_under_its_familys_name() -> None:
    class Late(TimedOut):
        """A kind of it."""

    class TooLate(Late):
        """A kind of that."""

    assert [Late("").code, TooLate("").code, TimedOut("").code] == ["timed_out"] * 3
    assert SteerError("").code == "steer_error"
