"""Numbers that came from outside, where one may be anything that JSON has room for."""

import math


def finite_or_none(value: object) -> float | None:
    """A finite number as a float, or None for everything else: a truth value, a text, a whole number beyond bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # a whole number may have any number of digits
        return None
    return number if math.isfinite(number) else None
