"""Dials as they are written, FEATURE=VALUE, and the dials of an engine that they mean."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from steer_tui.domain import VALUE_MAX, VALUE_MIN, Dial, InvalidValue
from steer_tui.engines import Engine
from steer_tui.engines.lookup import UnknownFeature, resolve_feature

OFFERED = 4
"""How many of the engine's features stand for a choice that nobody made."""

FIRST_VALUE = 4.0
"""Where the first offered dial stands in a rack that nobody chose, so that two different texts show."""


@dataclass(frozen=True, slots=True)
class WrittenDial:
    """A dial before its engine is asked."""

    name: str
    value: float
    origin: str
    """Where it is written, for errors: a flag, a file and line, or a variable."""


def parse_dial(text: str) -> tuple[str, float]:
    """Name and value of FEATURE=VALUE, split at the last `=`, for a name may hold some itself."""
    name, _, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not name.strip() or math.isnan(value):
        raise InvalidValue(f"A dial is FEATURE=VALUE, such as winter=4 or angry=-2.5; it is {text!r}.")
    if not VALUE_MIN <= value <= VALUE_MAX:
        raise InvalidValue(f"A dial goes from {VALUE_MIN:+g} to {VALUE_MAX:+g}; {name!r} is set to {number}.")
    return name.strip(), value


def written_dials(texts: Iterable[str], origin: str) -> tuple[WrittenDial, ...]:
    """Dials of one origin, which stands before what is wrong with them."""
    try:
        return tuple(WrittenDial(*parse_dial(text), origin) for text in texts)
    except InvalidValue as error:
        raise InvalidValue(f"{origin}: {error}") from error


async def resolve_dials(engine: Engine, written: Iterable[WrittenDial]) -> tuple[Dial, ...]:
    """The engine's dials that are meant; raises InvalidValue for one that it does not have, or that comes twice."""
    dials: dict[str, Dial] = {}
    for dial in written:
        try:
            feature = await resolve_feature(engine, dial.name)
        except UnknownFeature as error:
            raise InvalidValue(
                f"{dial.origin}: {error.message} {error.hint} `steer-tui features` lists them all."
            ) from error
        if feature.id in dials:
            raise InvalidValue(f"{dial.origin}: the feature {feature.label!r} is named twice; give it one value.")
        dials[feature.id] = Dial(feature, dial.value)
    return tuple(dials.values())


async def offered_dials(engine: Engine) -> tuple[Dial, ...]:
    """The rack of someone who chose nothing: the engine's first features, the first of them on."""
    features = await engine.find_features("", OFFERED)
    return tuple(Dial(feature, 0.0 if place else FIRST_VALUE) for place, feature in enumerate(features))
