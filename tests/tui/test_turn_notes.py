"""The words of a turn in the text."""

from dataclasses import replace

from scripted_engine import FEATURES

from steer_tui.domain import Dial, Method, SteeringVector
from steer_tui.generation import Turn
from steer_tui.tui.screens.turn_notes import turn_notes


def vector(*values: float, method: Method = Method.ADDITIVE) -> SteeringVector:
    """Winter, sea, dragon and so on at these values."""
    return SteeringVector.of([Dial(FEATURES[place], value) for place, value in enumerate(values)], method)


def words(*turns: Turn) -> list[tuple[int, str]]:
    return [(note.index, note.words.replace("\xa0", " ")) for note in turn_notes(turns)]


def test_a_turn_is_named_with_what_it_turned_and_where_to() -> None:
    assert words(Turn(3, vector(4, 1), vector(-2.5, 1))) == [(3, " ▸winter -2.5◂")]
    assert words(Turn(3, vector(), vector(0, 6))) == [(3, " ▸sea +6.0◂")]


def test_a_dial_that_was_removed_muted_or_set_to_0_is_off() -> None:
    assert words(Turn(3, vector(4, 1), vector(4))) == [(3, " ▸sea off◂")]


def test_of_many_dials_two_are_named() -> None:
    assert words(Turn(3, vector(4, 1), vector())) == [(3, " ▸winter off, sea off◂")]
    assert words(Turn(3, vector(4, 1, 2), vector())) == [(3, " ▸winter off, sea off, …◂")]


def test_another_method_is_named() -> None:
    turn = Turn(3, vector(4), vector(4, method=Method.ORTHOGONAL))
    assert words(turn) == [(3, " ▸orthogonal◂")]


def test_only_the_last_turn_of_a_gesture_is_named() -> None:
    a, b, c, d = vector(4), vector(5), vector(6), vector(6, 2)
    assert words(Turn(3, a, b), Turn(10, b, c)) == [(3, "▸"), (10, " ▸winter +6.0◂")]
    assert words(Turn(3, a, b), Turn(11, b, c)) == [(3, " ▸winter +5.0◂"), (11, " ▸winter +6.0◂")]
    assert words(Turn(3, b, c), Turn(5, c, d)) == [(3, " ▸winter +6.0◂"), (5, " ▸sea +2.0◂")]
    gesture = [Turn(3, vector(3), a), Turn(4, a, b), Turn(5, b, c), Turn(6, c, d)]
    assert words(*gesture) == [(3, "▸"), (4, "▸"), (5, " ▸winter +6.0◂"), (6, " ▸sea +2.0◂")]


def test_a_long_name_is_cut_and_no_note_breaks_inside() -> None:
    long = replace(FEATURES[0], label="a very long label of a feature")
    (note,) = turn_notes([Turn(0, vector(), SteeringVector((Dial(long, 4.0),)))])
    assert note.words == " ▸a\xa0very\xa0long\xa0l…\xa0+4.0◂"


def test_a_hostile_label_is_named_in_symbols() -> None:
    hostile = replace(FEATURES[0], label="\x1b[2J\u202e [red]x[/red] and a long name")
    (note,) = turn_notes([Turn(0, vector(), SteeringVector((Dial(hostile, 4.0),)))])
    assert note.words == " ▸␛[2J\ufffd\xa0[red]x[…\xa0+4.0◂"


def test_no_turns_no_notes() -> None:
    assert turn_notes([]) == []
