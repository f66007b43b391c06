"""Features, dials and the vector that they make."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer_tui.domain import VALUE_MAX, VALUE_MIN, Dial, Feature, InvalidValue, Method, SteeringVector

WINTER = Feature("m/1/7", "winter", 2.0, residual_norm=50.0)
SEA = Feature("m/1/8", "sea", 3.0)


@pytest.mark.parametrize("unit", [0.0, -1.0, math.nan, math.inf])
def test_a_unit_must_be_a_number_above_zero(unit: float) -> None:
    with pytest.raises(InvalidValue, match=r"^The unit of feature 'winter' must be a number above 0; it is .+\.$"):
        Feature("m/1/7", "winter", unit)


@pytest.mark.parametrize(("feature_id", "label"), [("", "winter"), ("m/1/7", ""), ("m/1/7", " ")])
def test_a_feature_needs_an_id_and_a_label(feature_id: str, label: str) -> None:
    with pytest.raises(InvalidValue, match=r"^A feature needs an id and a label\.$"):
        Feature(feature_id, label, 1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_dial_must_be_a_finite_number(value: float) -> None:
    with pytest.raises(InvalidValue, match=r"^The dial 'winter' must be a finite number; it is .+\.$"):
        Dial(WINTER, value)


def test_a_dial_cannot_be_turned_to_no_number() -> None:
    with pytest.raises(InvalidValue):
        Dial(WINTER).turned_to(math.nan)


@pytest.mark.parametrize(
    ("typed", "value"),
    [(4.04, 4.0), (4.06, 4.1), (-0.04, 0.0), (10.04, 10.0), (99.0, 10.0), (-99.0, -10.0), (math.inf, 10.0), (0.3, 0.3)],
)
def test_a_dial_turns_by_tenths_and_within_its_ends(typed: float, value: float) -> None:
    assert Dial(WINTER).turned_to(typed).value == value


@given(st.floats(allow_nan=False))
def test_a_turned_dial_is_a_tenth_within_the_ends_and_never_a_negative_zero(typed: float) -> None:
    value = Dial(WINTER).turned_to(typed).value
    assert VALUE_MIN <= value <= VALUE_MAX
    assert value == round(value, 1)
    assert value != 0.0 or math.copysign(1.0, value) == 1.0


def test_a_typed_raw_strength_may_lie_outside() -> None:
    assert Dial(WINTER, 40.0).coefficient == 80.0


def test_coefficient_and_dose_follow_from_the_unit() -> None:
    dial = Dial(WINTER, -5.0)
    assert dial.coefficient == -10.0
    assert dial.dose == 0.2
    assert Dial(SEA, 5.0).dose is None


def test_a_notch_is_a_dose_of_four_hundredths_where_the_norm_is_known() -> None:
    assert Dial(WINTER, 1.0).dose == pytest.approx(0.04)


def test_a_vector_leaves_out_what_is_off_or_muted_and_keeps_the_order() -> None:
    on, other = Dial(SEA, -2.0), Dial(WINTER, 4.0)
    rack = [Dial(WINTER), on, Dial(WINTER, 3.0, muted=True), Dial(SEA, -0.0), other]
    assert SteeringVector.of(rack) == SteeringVector((on, other))


@pytest.mark.parametrize("dial", [Dial(WINTER), Dial(WINTER, 3.0, muted=True)])
def test_a_vector_cannot_hold_a_dial_that_is_off(dial: Dial) -> None:
    with pytest.raises(InvalidValue, match=r"^A steering vector holds only dials that are on\.$"):
        SteeringVector((dial,))


def test_a_vector_is_additive_unless_told_otherwise() -> None:
    assert SteeringVector.of([]).method is Method.ADDITIVE
    assert SteeringVector.of([], Method.ABLATE).method is Method.ABLATE
