"""Features, the dials that turn them, and the steering vector that all dials together make."""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

VALUE_MIN, VALUE_MAX = -10.0, 10.0
"""The two ends of a dial, in notches; a typed raw strength may lie outside."""

DOSE_PER_NOTCH = 0.04
"""The unit's share of the mean residual norm, so that a notch means the same on every model."""


class InvalidValue(ValueError):
    """A value that cannot be: the message is one sentence that says what is allowed and what was given."""


class Method(StrEnum):
    """How a vector acts on the residual h (formulas: protocols/vectors-and-strengths.md)."""

    ADDITIVE = "additive"
    """h += coefficient · v̂"""
    ORTHOGONAL = "orthogonal"
    """h += (c − 1)(h · v̂) v̂ with c = 1 − value / 10: 0 is off, 10 removes the component, more reflects it"""
    PROJECTION_CAP = "projection_cap"
    """h · v̂ is capped at value × unit"""
    ABLATE = "ablate"
    """h −= (h · v̂) v̂, whatever the value"""
    PIN = "pin"
    """h += (c − h · v̂) v̂ with c = coefficient: however much of it the text brings, the component is the dial's"""


class FeatureKind(StrEnum):
    """Where a direction comes from."""

    SAE = "sae"
    MEANS = "difference of means"
    VECTOR = "vector"
    RANDOM = "random direction"
    """No feature at all: what any push of the same size does."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A direction in the residual stream, with a name."""

    id: str
    """Unique within its engine, such as `stories-2M/2-sae/123`."""
    label: str
    """A short name, unique within what its engine offers."""
    unit: float
    """The coefficient of one notch, in the residual stream's own scale."""
    kind: FeatureKind = FeatureKind.SAE
    unit_origin: str = "0.04 × the mean residual norm"
    """What the unit was taken from, in words that the screen shows."""
    residual_norm: float | None = None
    """Mean norm of the residual stream at the feature's layer, or None where the engine cannot tell."""
    max_activation: float | None = None
    density: float | None = None
    """Share of tokens on which the feature is active, 0..1."""
    promoted: tuple[str, ...] = ()
    """The tokens whose logits the direction raises most."""
    suppressed: tuple[str, ...] = ()
    """The tokens whose logits the direction lowers most."""

    def __post_init__(self) -> None:
        if not self.id or not self.label.strip():
            raise InvalidValue("A feature needs an id and a label.")
        if not (math.isfinite(self.unit) and self.unit > 0):
            raise InvalidValue(f"The unit of feature {self.label!r} must be a number above 0; it is {self.unit}.")


@dataclass(frozen=True, slots=True)
class Dial:
    """A feature and how far it is turned: 0 is off, and coefficient = value × unit."""

    feature: Feature
    value: float = 0.0
    muted: bool = False
    """A muted dial keeps its value and is not sent."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise InvalidValue(f"The dial {self.feature.label!r} must be a finite number; it is {self.value}.")

    @property
    def is_on(self) -> bool:
        """Whether the dial takes part in steering."""
        return self.value != 0.0 and not self.muted

    @property
    def coefficient(self) -> float:
        """What the unit direction is multiplied by before it is added to the residual stream."""
        return self.value * self.feature.unit

    @property
    def dose(self) -> float | None:
        """Size of the change as a share of the mean residual norm, or None where that norm is not known."""
        norm = self.feature.residual_norm
        return abs(self.coefficient) / norm if norm else None

    def turned_to(self, value: float) -> "Dial":
        """This dial at another value, kept to tenths and within the two ends."""
        return replace(self, value=round(min(max(value, VALUE_MIN), VALUE_MAX), 1) + 0.0)


@dataclass(frozen=True, slots=True)
class SteeringVector:
    """The dials that are on, in order, and the method: all that an engine needs to know of the rack."""

    dials: tuple[Dial, ...] = ()
    method: Method = Method.ADDITIVE

    def __post_init__(self) -> None:
        if any(not dial.is_on for dial in self.dials):
            raise InvalidValue("A steering vector holds only dials that are on.")

    @classmethod
    def of(cls, dials: "tuple[Dial, ...] | list[Dial]", method: Method = Method.ADDITIVE) -> "SteeringVector":
        """The vector of a rack: dials that are off or muted are left out."""
        return cls(tuple(dial for dial in dials if dial.is_on), method)
