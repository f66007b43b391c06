"""What the state makes of events and of what a person does, without time and without tasks."""

import pytest
from scripted_engine import FEATURES

from steer_tui.domain import (
    ActivationEvent,
    Dial,
    DoneEvent,
    ErrorEvent,
    Event,
    FeatureActivation,
    FinishReason,
    Lane,
    Malformed,
    NotFound,
    Rejected,
    RewindEvent,
    Sampling,
    SteeringVector,
    TokenEvent,
    Unreachable,
)
from steer_tui.engines import PromptWindow
from steer_tui.generation import Cancelled, Connecting, Done, Failed, GenerationState, Idle, Settling, Streaming, Turn

STEERED, DEFAULT = Lane.STEERED, Lane.DEFAULT
PLAIN, LIGHT, HEAVY = (SteeringVector.of([Dial(FEATURES[0], value)]) for value in (0.0, 2.0, 6.0))
MADE_FROM = ("Once", Sampling(), PLAIN, False)


def started(run: int = 1, lane: Lane = STEERED) -> GenerationState:
    state = GenerationState()
    state.start(lane, run, MADE_FROM, 10.0, None)
    return state


def feed(state: GenerationState, *events: Event, run: int = 1, now: float = 11.0) -> list[bool]:
    return [state.apply(event, run, now) for event in events]


def words(*texts: str, start: int = 0) -> list[Event]:
    return [TokenEvent(text, index, STEERED) for index, text in enumerate(texts, start)]


def active(index: int, value: float, feature: str = "f") -> ActivationEvent:
    return ActivationEvent(index, STEERED, (FeatureActivation(feature, feature, value),))


def test_a_new_state_is_idle_and_empty() -> None:
    state = GenerationState()
    assert state.phase == Idle()
    assert not state.is_generating
    assert [(lane.text, lane.current_index) for lane in state.lanes.values()] == [("", 0), ("", 0)]


def test_the_first_event_makes_a_lane_stream_and_done_ends_it() -> None:
    state = started()
    assert state.phase == Connecting()
    feed(state, *words("a"))
    assert state.phase == Streaming()
    feed(state, DoneEvent(STEERED, FinishReason.STOP_SEQUENCE))
    assert state.phase == Done(FinishReason.STOP_SEQUENCE)


def test_a_text_may_end_before_its_first_token() -> None:
    state = started()
    feed(state, DoneEvent(STEERED, FinishReason.COMPLETE))
    assert state.phase == Done(FinishReason.COMPLETE)


def test_tokens_are_appended_in_order() -> None:
    state = started()
    feed(state, *words("the", " sea", ""))
    assert state.lanes[STEERED].text == "the sea"
    assert state.lanes[STEERED].current_index == 3


@pytest.mark.parametrize("index", [-1, 0, 2, 100])
def test_a_token_out_of_order_is_malformed(index: int) -> None:
    state = started()
    feed(state, *words("a"))
    with pytest.raises(Malformed, match="expected"):
        feed(state, TokenEvent("b", index, STEERED))
    assert state.lanes[STEERED].text == "a"


def test_events_of_another_run_are_dropped() -> None:
    state = started(run=2)
    before = state.revision
    assert feed(state, *words("a"), DoneEvent(STEERED, FinishReason.COMPLETE), run=1) == [False, False]
    assert feed(state, ErrorEvent("No.", "rejected"), run=1) == [False]
    assert (state.phase, state.revision) == (Connecting(), before)


def test_events_after_the_end_are_dropped() -> None:
    state = started()
    feed(state, *words("a"), DoneEvent(STEERED, FinishReason.COMPLETE))
    assert feed(state, *words("b", start=1), ErrorEvent("No.", "rejected", lane=STEERED)) == [False, False]
    assert state.lanes[STEERED].text == "a"


def test_events_after_esc_are_dropped_and_the_text_stays() -> None:
    state = started()
    feed(state, *words("a"))
    state.cancel(STEERED)
    assert feed(state, *words("b", start=1)) == [False]
    assert (state.phase, state.lanes[STEERED].text) == (Cancelled(), "a")


def test_one_lanes_events_leave_the_other_alone() -> None:
    state = started()
    state.start(DEFAULT, 2, MADE_FROM, 10.0, None)
    feed(state, *words("a"))
    assert state.lanes[DEFAULT].phase == Connecting()
    assert feed(state, TokenEvent("b", 0, DEFAULT), run=1) == [False]


def test_the_first_event_of_a_new_run_clears_the_old_text_in_a_new_epoch() -> None:
    state = started()
    feed(state, *words("old", " text"), active(0, 1.0))
    lane = state.lanes[STEERED]
    epoch = lane.transcript.epoch
    state.start(STEERED, 2, MADE_FROM, 20.0, None)
    assert (lane.text, lane.transcript.epoch) == ("old text", epoch)
    feed(state, *words("new"), run=2)
    assert lane.text == "new"
    assert lane.transcript.epoch > epoch
    assert not any(lane.transcript.activations.values())


def test_an_attempt_of_the_same_run_keeps_the_text_until_it_is_rewound() -> None:
    state = started()
    feed(state, *words("a", "b"))
    state.retry(STEERED, 1, 13.0, Unreachable("Gone."))
    state.start(STEERED, 1, MADE_FROM, 13.0, None)
    assert state.lanes[STEERED].text == "ab"
    feed(state, RewindEvent(STEERED, 1), *words("c", start=1))
    assert state.lanes[STEERED].text == "ac"


def test_two_starts_of_one_new_run_still_clear_the_old_text() -> None:
    state = started()
    feed(state, *words("old"))
    state.start(STEERED, 2, MADE_FROM, 20.0, None)
    state.start(STEERED, 2, MADE_FROM, 21.0, None)
    feed(state, *words("new"), run=2)
    assert state.lanes[STEERED].text == "new"


@pytest.mark.parametrize("keep", [-1, 3])
def test_a_rewind_to_what_is_not_there_is_malformed(keep: int) -> None:
    state = started()
    feed(state, *words("a", "b"))
    with pytest.raises(Malformed, match="rewind"):
        feed(state, RewindEvent(STEERED, keep))


def test_activations_stand_at_their_tokens_and_what_was_not_read_counts_as_zero() -> None:
    state = started()
    feed(state, *words("a", "b", "c"), active(0, 1.0), active(2, 3.0), active(1, 2.0, "late"))
    readings = {name: list(values) for name, values in state.lanes[STEERED].transcript.activations.items()}
    assert readings == {"f": [1.0, 0.0, 3.0], "late": [0.0, 2.0]}


@pytest.mark.parametrize("index", [-1, 1])
def test_activations_of_a_token_that_has_not_come_are_malformed(index: int) -> None:
    state = started()
    feed(state, *words("a"))
    with pytest.raises(Malformed, match="Activations"):
        feed(state, active(index, 1.0))


def test_a_rewind_takes_back_the_activations_too() -> None:
    state = started()
    feed(state, *words("a", "b"), active(0, 1.0), active(1, 2.0), RewindEvent(STEERED, 1))
    assert list(state.lanes[STEERED].transcript.activations["f"]) == [1.0]


def test_an_error_event_fails_its_lane_and_one_without_a_lane_fails_both() -> None:
    state = started()
    state.start(DEFAULT, 1, MADE_FROM, 10.0, None)
    assert feed(state, ErrorEvent("Nothing there.", "not_found", lane=STEERED)) == [True]
    assert isinstance(state.lanes[STEERED].error, NotFound)
    assert state.lanes[DEFAULT].phase == Connecting()
    feed(state, ErrorEvent("No.", "rejected"))
    assert isinstance(state.lanes[DEFAULT].error, Rejected)
    assert isinstance(state.lanes[STEERED].error, NotFound)


def test_esc_in_settling_goes_back_to_where_it_was() -> None:
    state = started()
    feed(state, *words("a"), DoneEvent(STEERED, FinishReason.COMPLETE))
    state.settle(STEERED)
    state.settle(STEERED)
    assert state.phase == Settling(Done(FinishReason.COMPLETE))
    state.cancel(STEERED)
    assert state.phase == Done(FinishReason.COMPLETE)


def test_esc_in_settling_of_a_lane_that_was_under_way_is_a_cancel() -> None:
    state = started()
    state.settle(STEERED)
    state.cancel(STEERED)
    assert state.phase == Cancelled()


def test_the_runs_phase_is_the_most_urgent_of_its_lanes() -> None:
    state = started()
    state.start(DEFAULT, 2, MADE_FROM, 10.0, None)
    feed(state, *words("a"))
    assert state.phase == Streaming()
    state.retry(DEFAULT, 1, 12.0, error := Unreachable("Gone."))
    assert state.phase is state.lanes[DEFAULT].phase
    assert state.lanes[DEFAULT].error is error
    state.fail(STEERED, refused := Rejected("No."))
    assert state.phase == Failed(refused)
    assert state.lanes[STEERED].error is refused


def test_pace_and_time_to_the_first_token_count_from_the_start() -> None:
    state = started()
    lane = state.lanes[STEERED]
    assert lane.seconds_to_first_token is lane.tokens_per_second is None
    feed(state, *words("a"), now=12.5)
    assert (lane.seconds_to_first_token, lane.tokens_per_second) == (2.5, None)
    feed(state, *words("b", start=1), now=12.75)
    feed(state, *words("c", start=2), now=13.0)
    assert lane.tokens_per_second == 4.0


def test_a_rewind_does_not_turn_the_pace_around() -> None:
    state = started()
    feed(state, *words("a"), now=11.0)
    feed(state, *words("b", start=1), now=12.0)
    feed(state, RewindEvent(STEERED, 0), now=12.0)
    assert state.lanes[STEERED].tokens_per_second == 1.0


def test_a_new_start_forgets_the_times_of_the_one_before() -> None:
    state = started()
    feed(state, *words("a"), now=12.0)
    feed(state, *words("b", start=1), now=13.0)
    state.start(STEERED, 2, MADE_FROM, 50.0, None)
    lane = state.lanes[STEERED]
    assert lane.seconds_to_first_token is lane.tokens_per_second is None


def test_a_lane_knows_what_it_was_made_from_and_how_much_of_the_prompt_was_read() -> None:
    state = GenerationState()
    state.start(STEERED, 1, MADE_FROM, 10.0, PromptWindow(100, 120))
    lane = state.lanes[STEERED]
    assert (lane.made_from, lane.window) == (MADE_FROM, PromptWindow(100, 120))
    assert lane.text_from is None
    feed(state, *words("a"))
    assert lane.text_from == MADE_FROM


def turned_at(*indices: int, vectors: tuple[SteeringVector, ...] = (LIGHT, HEAVY)) -> GenerationState:
    """A text of four tokens that was turned before some of them."""
    state = started()
    for index, text in enumerate(["a", "b", "c", "d"]):
        if index in indices:
            assert state.turn(STEERED, 1, index, vectors[indices.index(index)])
        feed(state, TokenEvent(text, index, STEERED))
    return state


def test_turns_are_kept_with_the_text_and_the_last_of_them_is_what_it_was_made_from() -> None:
    lane = turned_at(1, 3).lanes[STEERED]
    assert lane.turns == (Turn(1, PLAIN, LIGHT), Turn(3, LIGHT, HEAVY))
    assert lane.text_from == lane.made_from == ("Once", Sampling(), HEAVY, False)


def test_two_turns_before_one_token_are_one_and_a_turn_back_is_none() -> None:
    state = turned_at(1)
    state.turn(STEERED, 1, 4, PLAIN)
    state.turn(STEERED, 1, 4, HEAVY)
    assert state.lanes[STEERED].turns[1:] == (Turn(4, LIGHT, HEAVY),)
    state.turn(STEERED, 1, 4, LIGHT)
    assert state.lanes[STEERED].turns == (Turn(1, PLAIN, LIGHT),)


def test_a_rewind_drops_the_turns_beyond_it_and_the_last_of_them_acts_on_what_is_to_come() -> None:
    state = turned_at(1, 3)
    feed(state, RewindEvent(STEERED, 2))
    assert state.lanes[STEERED].turns == (Turn(1, PLAIN, LIGHT), Turn(2, LIGHT, HEAVY))
    feed(state, RewindEvent(STEERED, 0))
    lane = state.lanes[STEERED]
    assert (lane.turns, lane.text_from) == ((), ("Once", Sampling(), HEAVY, False))


def test_a_new_run_begins_without_the_turns_of_the_one_before() -> None:
    state = turned_at(1)
    state.start(STEERED, 2, MADE_FROM, 20.0, None)
    assert state.lanes[STEERED].turns
    assert not state.turn(STEERED, 1, 3, HEAVY)
    feed(state, *words("new"), run=2)
    assert state.lanes[STEERED].turns == ()
    assert state.lanes[STEERED].text_from == MADE_FROM


def test_a_turn_that_acts_on_no_token_is_forgotten_at_the_end() -> None:
    state = turned_at(1)
    assert state.turn(STEERED, 1, 4, HEAVY)
    feed(state, DoneEvent(STEERED, FinishReason.COMPLETE))
    lane = state.lanes[STEERED]
    assert lane.turns == (Turn(1, PLAIN, LIGHT),)
    assert lane.text_from == lane.made_from == ("Once", Sampling(), LIGHT, False)
    assert not state.turn(STEERED, 1, 4, HEAVY)
    assert state.turn(STEERED, 1, 3, HEAVY)  # an answer that came after the end, for a token that is there


def test_a_turn_that_failed_stays_told_until_one_comes_about_or_a_run_starts() -> None:
    state = turned_at()
    error = Rejected("No.")
    for mend in (lambda: state.turn(STEERED, 1, 4, HEAVY), lambda: state.start(STEERED, 2, MADE_FROM, 1.0, None)):
        state.fail_turn(STEERED, error)
        assert state.lanes[STEERED].turn_error is error
        assert state.lanes[STEERED].error is None
        mend()
        assert state.lanes[STEERED].turn_error is None


def test_a_turn_before_the_first_token_of_all_cannot_be() -> None:
    with pytest.raises(Malformed, match="token number -1"):
        turned_at().turn(STEERED, 1, -1, HEAVY)
