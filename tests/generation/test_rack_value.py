"""The rack as a value: every change gives a new one, and undo goes back."""

import pytest
from scripted_engine import FEATURES

from steer_tui.domain import Dial, Method
from steer_tui.generation.rack import GESTURE_SECONDS, Rack

RACK = Rack((Dial(FEATURES[0], 4.0), Dial(FEATURES[1])))


def values(rack: Rack) -> list[float]:
    return [dial.value for dial in rack.dials]


def test_a_turn_changes_one_dial_and_can_be_undone() -> None:
    turned = RACK.turn(1, 2.04, now=0.0)
    assert (values(turned), values(RACK)) == ([4.0, 2.0], [4.0, 0.0])
    assert values(turned.undo()) == [4.0, 0.0]


def test_turns_of_one_gesture_are_undone_together() -> None:
    rack = RACK
    for step in range(5):
        rack = rack.turn(1, 1.0 + step, now=step * GESTURE_SECONDS * 0.9)
    assert values(rack.undo()) == [4.0, 0.0]


@pytest.mark.parametrize(("index", "now"), [(0, 0.1), (1, GESTURE_SECONDS)])
def test_another_dial_or_a_later_turn_is_another_gesture(index: int, now: float) -> None:
    first = RACK.turn(1, 1.0, now=0.0)
    assert first.turn(index, 3.0, now).undo().dials == first.dials


def test_a_turned_dial_is_no_longer_muted() -> None:
    muted = RACK.mute(0)
    assert muted.dials[0].muted
    assert muted.dials[0].value == 4.0
    assert not muted.turn(0, 4.5, 0.0).dials[0].muted
    assert not muted.mute(0).dials[0].muted


def test_what_changes_nothing_leaves_nothing_to_undo() -> None:
    assert RACK.turn(0, 4.0, 0.0) is RACK
    assert RACK.add(FEATURES[0]) is RACK
    assert RACK.undo() is RACK


def test_dials_are_added_at_zero_removed_and_set_to_zero() -> None:
    added = RACK.add(FEATURES[2])
    assert values(added) == [4.0, 0.0, 0.0]
    assert added.index_of(FEATURES[2]) == 2
    assert values(added.remove(0)) == [0.0, 0.0]
    assert added.remove(0).index_of(FEATURES[0]) is None
    assert values(added.reset()) == [0.0, 0.0, 0.0]
    assert added.remove(0).undo().dials == added.dials


def test_undo_brings_dials_back_with_the_method_that_they_had() -> None:
    empty = Rack()
    preset = empty.replaced(RACK.dials, Method.ORTHOGONAL)
    bare = preset.remove(1).remove(0)
    assert (bare.dials, bare.method) == ((), Method.ORTHOGONAL)
    back = bare.add(FEATURES[2]).undo()
    assert back == bare
    back = back.undo().undo()
    assert back == preset
    assert back.undo() == empty


def test_another_method_alone_is_a_change_and_no_other_one_is_none() -> None:
    other = RACK.replaced(RACK.dials, Method.ORTHOGONAL)
    assert (other.method, other.undo()) == (Method.ORTHOGONAL, RACK)
    assert other.turn(0, 1.0, now=0.0).method is Method.ORTHOGONAL
    assert RACK.replaced(RACK.dials, RACK.method) is RACK


def test_however_much_is_changed_no_more_than_a_bounded_past_is_kept() -> None:
    rack = RACK
    for step in range(500):
        rack = rack.replaced((Dial(FEATURES[0], step % 7 + 1),), Method.ADDITIVE)
    assert len(rack.past) < 250
