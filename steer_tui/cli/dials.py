"""Dials as they are written, FEATURE=VALUE, and the dials of an engine that they mean."""

import math
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from steer_tui.domain import (
    VALUE_MAX,
    VALUE_MIN,
    Dial,
    Feature,
    InvalidValue,
    SteerError,
)
from steer_tui.engines import Engine
from steer_tui.engines.lookup import UnknownFeature, resolve_feature
from steer_tui.engines.registry import FILE_ENGINES
from steer_tui.engines.services import Searches
from steer_tui.generation.patience import finding

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
    is_raw: bool = False
    """Whether the value is the coefficient itself, and not notches."""

    def at(self, feature: Feature) -> Dial:
        """The feature turned as far as is written."""
        return Dial(feature, self.value / feature.unit if self.is_raw else self.value)


def parse_dial(text: str) -> tuple[str, float]:
    """Name and value of FEATURE=VALUE, split at the last `=`, for a name may hold some itself."""
    name, _, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not name.strip() or math.isnan(value):
        raise InvalidValue(f"A dial is FEATURE=VALUE, such as winter=4 or angry=-2.5; it is {text!r}.")
    return name.strip(), value


def written_dials(texts: Iterable[str], origin: str) -> tuple[WrittenDial, ...]:
    """Dials of one origin, which stands before what is wrong with them."""
    dials = _parsed(texts, origin)
    for dial in dials:
        if not VALUE_MIN <= dial.value <= VALUE_MAX:
            raise InvalidValue(
                f"{origin}: A dial goes from {VALUE_MIN:+g} to {VALUE_MAX:+g}; {dial.name!r} is set to {dial.value:g}. "
                "With --raw, --dial takes a strength (coefficient) of any size."
            )
    return dials


def raw_dials(texts: Iterable[str], origin: str) -> tuple[WrittenDial, ...]:
    """The same where the values are raw strengths, which may be of any size."""
    dials = _parsed(texts, origin)
    for dial in dials:
        if not math.isfinite(dial.value):
            raise InvalidValue(f"{origin}: A raw strength is a finite number; {dial.name!r} is set to {dial.value:g}.")
    return tuple(replace(dial, is_raw=True) for dial in dials)


def _parsed(texts: Iterable[str], origin: str) -> tuple[WrittenDial, ...]:
    try:
        return tuple(WrittenDial(*parse_dial(text), origin) for text in texts)
    except InvalidValue as error:
        raise InvalidValue(f"{origin}: {error}") from error


async def resolve_dials(engine: Engine, written: Iterable[WrittenDial]) -> tuple[Dial, ...]:
    """The engine's dials that are meant; raises InvalidValue for one that it does not have, or that comes twice.

    Where the engine does not tell, its error is raised, and says for which dial.
    """
    dials: dict[str, Dial] = {}
    for dial in written:
        try:
            async with _telling(f"The dial {dial.name!r} could not be looked up"), finding(engine):
                feature = await resolve_feature(engine, dial.name)
        except UnknownFeature as error:
            raise InvalidValue(f"{dial.origin}: {error.message} {error.hint} {_where_to_look(engine)}") from error
        if feature.id in dials:
            raise InvalidValue(f"{dial.origin}: the feature {feature.label!r} is named twice; give it one value.")
        dials[feature.id] = dial.at(feature)
    return tuple(dials.values())


async def offered_dials(engine: Engine) -> tuple[Dial, ...]:
    """The rack of someone who chose nothing: the engine's first features, the first of them on."""
    async with _telling("There are no dials yet"), finding(engine):
        features = await engine.find_features("", OFFERED)
    return tuple(Dial(feature, 0.0 if place else FIRST_VALUE) for place, feature in enumerate(features))


def _where_to_look(engine: Engine) -> str:
    if engine.info.name == "gateway":
        return "`steer-tui features --url URL WORDS` searches them."
    if isinstance(engine, Searches):
        return f"`steer-tui features --engine {engine.info.name} WORDS` searches them."
    if engine.info.name in FILE_ENGINES:
        return "A vector is named by its FILE or FILE@LAYER, and an SAE's feature by FOLDER#INDEX."
    return "`steer-tui features` lists them all."


@asynccontextmanager
async def _telling(failure: str) -> AsyncIterator[None]:
    """Lets an engine's error begin with what has failed."""
    try:
        yield
    except UnknownFeature:
        raise
    except SteerError as error:
        raise type(error)(f"{failure}: {error.message}", hint=error.hint, retry_after=error.retry_after) from error
