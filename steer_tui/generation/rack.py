"""The rack of dials as a value: every change gives a new rack, and undo goes back, also to another method."""

from dataclasses import dataclass, replace

from steer_tui.domain import Dial, Feature, Method

STEP = 0.5
"""One press of an arrow key, in notches."""

FINE_STEP = 0.1

GESTURE_SECONDS = 1.0
"""Turns of one dial that follow each other within this time are undone together."""

_UNDO_DEPTH = 200


@dataclass(frozen=True, slots=True)
class Rack:
    """Dials in order, the method that they steer by, and what undo goes back to."""

    dials: tuple[Dial, ...] = ()
    method: Method = Method.ADDITIVE
    past: tuple[tuple[tuple[Dial, ...], Method], ...] = ()
    """Dials and method before each change, the latest last."""
    turning: tuple[str, float] | None = None
    """Feature id and time of the latest turn, while it may still be part of a gesture."""

    def replaced(self, dials: tuple[Dial, ...], method: Method) -> "Rack":
        """Other dials under another method, in one change."""
        if (dials, method) == (self.dials, self.method):
            return self
        return Rack(dials, method, (*self.past[-_UNDO_DEPTH:], (self.dials, self.method)))

    def _with(self, dials: tuple[Dial, ...]) -> "Rack":
        return self.replaced(dials, self.method)

    def _in_place(self, index: int, dial: Dial) -> tuple[Dial, ...]:
        return (*self.dials[:index], dial, *self.dials[index + 1 :])

    def turn(self, index: int, value: float, now: float) -> "Rack":
        """Turn one dial to a value, kept to tenths and the two ends; turned, it is no longer muted."""
        return self._turned(index, self.dials[index].turned_to(value), now)

    def turn_raw(self, index: int, strength: float, now: float) -> "Rack":
        """Turn one dial to a raw strength, its coefficient, which may lie beyond the two ends."""
        dial = self.dials[index]
        return self._turned(index, replace(dial, value=strength / dial.feature.unit + 0.0), now)

    def _turned(self, index: int, turned: Dial, now: float) -> "Rack":
        dial = replace(turned, muted=False)
        rack = self._with(self._in_place(index, dial))
        if rack is self:
            return self
        feature_id = dial.feature.id
        goes_on = self.turning is not None and self.turning[0] == feature_id
        if goes_on and self.turning is not None and now - self.turning[1] < GESTURE_SECONDS:
            rack = replace(rack, past=self.past)
        return replace(rack, turning=(feature_id, now))

    def mute(self, index: int) -> "Rack":
        """Mute one dial, or let it sound again; its value stays."""
        dial = self.dials[index]
        return self._with(self._in_place(index, replace(dial, muted=not dial.muted)))

    def add(self, feature: Feature) -> "Rack":
        """Add a dial at 0 for a feature that has none yet."""
        if self.index_of(feature) is not None:
            return self
        return self._with((*self.dials, Dial(feature)))

    def remove(self, index: int) -> "Rack":
        """Take one dial away."""
        return self._with((*self.dials[:index], *self.dials[index + 1 :]))

    def reset(self) -> "Rack":
        """Set every dial to 0."""
        return self._with(tuple(Dial(dial.feature) for dial in self.dials))

    def steer_by(self, method: Method) -> "Rack":
        """The same dials under another method."""
        return self.replaced(self.dials, method)

    def undo(self) -> "Rack":
        """The rack before the latest change, or this one where there was none."""
        return Rack(*self.past[-1], self.past[:-1]) if self.past else self

    def index_of(self, feature: Feature) -> int | None:
        """Where a feature's dial stands, or None."""
        return next((index for index, dial in enumerate(self.dials) if dial.feature.id == feature.id), None)
