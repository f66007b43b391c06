"""A value while it is typed on a dial: notches, or behind `=` a raw strength."""

from steer_tui.domain import InvalidValue

RAW = "="
"""Stands before a raw strength."""

_DIGITS = frozenset("0123456789.-")
_LONGEST, _LONGEST_RAW = 6, 10


def begun(character: str) -> str | None:
    """What has been typed after the first key, or None where it begins no value; 0 alone turns a dial off."""
    return character if character in _DIGITS - {"0"} else None


def continued(typed: str, key: str, character: str) -> str | None:
    """What has been typed after one more key, or None where it ends there."""
    if key == "backspace":
        return typed[:-1] or None
    if character == RAW:
        return RAW + typed.removeprefix(RAW)
    if character in _DIGITS:
        return (typed + character)[: _LONGEST_RAW if typed.startswith(RAW) else _LONGEST]
    return None


def number_of(typed: str) -> float:
    """The number that was typed, of either kind; raises InvalidValue where it is none."""
    number = typed.removeprefix(RAW)
    try:
        return float(number)
    except ValueError as error:
        allowed = "a raw strength is one, such as 120.5" if typed.startswith(RAW) else "a dial takes −10 to +10"
        raise InvalidValue(f"{number!r} is no number; {allowed}.") from error
