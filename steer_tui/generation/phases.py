"""The phases of a lane, which of them may follow which, and which of two is the more urgent.

Idle ─edit or dial─► Settling ─► Connecting ─first event─► Streaming ─► Done; from Connecting and Streaming also
─► RateLimited or Retrying ─► Connecting, ─Esc─► Cancelled, and ─► Failed.
"""

from dataclasses import dataclass
from typing import TypeAlias

from steer_tui.domain import FinishReason, SteerError


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing was asked yet."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The person stopped it; the text so far stays."""


@dataclass(frozen=True, slots=True)
class Done:
    """The text has ended."""

    reason: FinishReason


@dataclass(frozen=True, slots=True)
class Failed:
    """It ended in an error; the text so far stays, and it can be tried again."""

    error: SteerError


Rest: TypeAlias = Idle | Cancelled | Done | Failed
"""The phases in which nothing is under way."""


@dataclass(frozen=True, slots=True)
class Settling:
    """An edit or a dial is being waited out before a generation starts."""

    rest: Rest
    """Where Esc goes back to."""


@dataclass(frozen=True, slots=True)
class Connecting:
    """The request is on its way; no event has come yet."""


@dataclass(frozen=True, slots=True)
class Streaming:
    """Events are coming."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """The engine takes no request before `until`, on the clock's scale."""

    until: float
    error: SteerError


@dataclass(frozen=True, slots=True)
class Retrying:
    """The connection was lost, and attempt number `attempt` starts at `until`, on the clock's scale."""

    attempt: int
    until: float
    error: SteerError


Phase: TypeAlias = Idle | Settling | Connecting | Streaming | RateLimited | Retrying | Done | Cancelled | Failed

UNDER_WAY: frozenset[type[Phase]] = frozenset({Settling, Connecting, Streaming, RateLimited, Retrying})
"""The phases that Esc ends."""

_STARTS: frozenset[type[Phase]] = frozenset({Settling, Connecting, RateLimited})
_ASKED: frozenset[type[Phase]] = frozenset({*_STARTS, Retrying, Failed, Cancelled})

SUCCESSORS: dict[type[Phase], frozenset[type[Phase]]] = {
    Idle: _STARTS,
    Done: _STARTS,
    Cancelled: _STARTS,
    Failed: _STARTS,
    Settling: _STARTS | {Idle, Done, Cancelled, Failed},
    Connecting: _ASKED | {Streaming},
    Streaming: _ASKED | {Done},
    RateLimited: frozenset({RateLimited, Connecting, Cancelled, Settling, Failed}),
    Retrying: frozenset({Settling, Connecting, RateLimited, Cancelled}),
}
"""Every legal transition; a new start is legal from anywhere."""

URGENCY: tuple[type[Phase], ...] = (
    RateLimited,
    Failed,
    Retrying,
    Settling,
    Streaming,
    Connecting,
    Cancelled,
    Done,
    Idle,
)
"""Most urgent first: what needs the person, then what moves, then what rests."""


class IllegalTransition(AssertionError):
    """A phase was entered that cannot follow the one before: a fault in the program, never in what a person did."""
