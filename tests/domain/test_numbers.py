"""Numbers from outside."""

import pytest

from steer_tui.domain import finite_or_none


@pytest.mark.parametrize(("value", "number"), [(3, 3.0), (-0.5, -0.5), (0, 0.0)])
def test_a_finite_number_is_one(value: object, number: float) -> None:
    assert finite_or_none(value) == number


@pytest.mark.parametrize("value", [10**400, -(10**400), float("inf"), float("nan"), True, "3", None, [3]])
def test_everything_else_is_none(value: object) -> None:
    assert finite_or_none(value) is None
