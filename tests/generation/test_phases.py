"""Which phase may follow which, against a list that was written from the design and not from the table."""

from itertools import product

import pytest

from steer_tui.domain import FinishReason, Rejected, Unreachable
from steer_tui.domain import RateLimited as Limit
from steer_tui.generation import (
    Cancelled,
    Connecting,
    Done,
    Failed,
    Idle,
    IllegalTransition,
    LaneState,
    Phase,
    RateLimited,
    Retrying,
    Settling,
    Streaming,
)
from steer_tui.generation.phases import SUCCESSORS, UNDER_WAY, URGENCY

EXAMPLES: tuple[Phase, ...] = (
    Idle(),
    Settling(Idle()),
    Connecting(),
    Streaming(),
    RateLimited(5.0, Limit("Too many requests.")),
    Retrying(1, 5.0, Unreachable("Gone.")),
    Done(FinishReason.COMPLETE),
    Cancelled(),
    Failed(Rejected("No.")),
)
"""One phase of each kind."""

# Enter, an edit and a dial start a lane from any phase; a rate limit that still lasts is where a start may lead.
DESIGN: dict[type[Phase], set[type[Phase]]] = {
    Idle: {Settling, Connecting, RateLimited},
    # Esc goes back to where it was; what is asked before the request leaves (the prompt's window) may fail.
    Settling: {Settling, Connecting, RateLimited, Idle, Done, Cancelled, Failed},
    Connecting: {Settling, Connecting, RateLimited, Streaming, Retrying, Failed, Cancelled},
    Streaming: {Settling, Connecting, RateLimited, Retrying, Failed, Cancelled, Done},
    RateLimited: {Settling, Connecting, RateLimited, Cancelled, Failed},
    Retrying: {Settling, Connecting, RateLimited, Cancelled},
    Done: {Settling, Connecting, RateLimited},
    Cancelled: {Settling, Connecting, RateLimited},
    Failed: {Settling, Connecting, RateLimited},
}

PAIRS = [(before, after) for before, after in product(EXAMPLES, EXAMPLES)]


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=[f"{type(b).__name__}-{type(a).__name__}" for b, a in PAIRS])
def test_a_phase_follows_another_where_the_design_says_so_and_nowhere_else(before: Phase, after: Phase) -> None:
    lane = LaneState(phase=before)
    if type(after) in DESIGN[type(before)]:
        lane.enter(after)
        assert lane.phase is after
    else:
        with pytest.raises(IllegalTransition, match=f"{type(after).__name__} cannot follow {type(before).__name__}"):
            lane.enter(after)
        assert lane.phase is before


def test_the_table_is_the_design() -> None:
    assert {kind: set(after) for kind, after in SUCCESSORS.items()} == DESIGN


def test_a_text_can_end_only_while_it_streams() -> None:
    assert [kind for kind in DESIGN if Done in SUCCESSORS[kind]] == [Settling, Streaming]


def test_every_phase_has_its_urgency() -> None:
    assert set(URGENCY) == set(DESIGN)
    assert len(URGENCY) == len(DESIGN)


def test_what_waits_for_a_person_is_more_urgent_than_what_moves_and_that_than_what_rests() -> None:
    rank = {kind: place for place, kind in enumerate(URGENCY)}
    person, moves, rests = (RateLimited, Failed), (Retrying, Settling, Streaming, Connecting), (Cancelled, Done, Idle)
    assert max(rank[kind] for kind in person) < min(rank[kind] for kind in moves)
    assert max(rank[kind] for kind in moves) < min(rank[kind] for kind in rests)


def test_under_way_is_what_can_be_cancelled() -> None:
    assert set(UNDER_WAY) == {kind for kind in DESIGN if Cancelled in DESIGN[kind]}


@pytest.mark.parametrize("phase", EXAMPLES, ids=lambda phase: type(phase).__name__)
def test_a_lane_is_generating_while_something_is_under_way(phase: Phase) -> None:
    assert LaneState(phase=phase).is_generating == (type(phase) in UNDER_WAY)
