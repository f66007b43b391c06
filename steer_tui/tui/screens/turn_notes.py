"""Where the dials were turned while the text came, in words that stand in the text."""

from collections.abc import Sequence
from itertools import pairwise

from steer_tui.domain import Dial, SteeringVector
from steer_tui.generation import Turn
from steer_tui.tui.widgets.dial_lines import value_text
from steer_tui.tui.widgets.output import Note
from steer_tui.tui.wording import method_words, shortened

APART = 8
"""Tokens from one turn of a dial to the next, below which only the last of them is named: they are one gesture."""

NAMED = 2
"""How many dials a note names."""

LONGEST_NAME = 14

SIGN, END = "▸", "◂"


def turn_notes(turns: Sequence[Turn]) -> list[Note]:
    """A note for each turn: what it turned and where to, or the sign alone where more of the same gesture follows."""
    notes = []
    for turn, following in pairwise([*turns, None]):
        assert turn is not None, "only the last has none after it"
        goes_on = (
            following is not None
            and following.index - turn.index < APART
            and _turned(turn).keys() == _turned(following).keys()
        )
        # The line may break before a note and not in it.
        words = SIGN if goes_on else " " + f"{SIGN}{_words(turn)}{END}".replace(" ", "\xa0")
        notes.append(Note(turn.index, words))
    return notes


def _words(turn: Turn) -> str:
    named = list(_turned(turn).values())
    return ", ".join([*named[:NAMED], *(["…"] if len(named) > NAMED else [])])


def _turned(turn: Turn) -> dict[str, str]:
    """What the turn changed, by its id, and in words where it stands since."""
    before, after = _by_id(turn.before), _by_id(turn.vector)
    turned = {}
    for id in {**before, **after}:
        if before.get(id) != after.get(id):
            value = value_text(after[id]) if id in after else "off"
            turned[id] = f"{shortened((after.get(id) or before[id]).feature.label, LONGEST_NAME)} {value}"
    if turn.before.method is not turn.vector.method:
        turned["method"] = method_words(turn.vector.method)
    return turned


def _by_id(vector: SteeringVector) -> dict[str, Dial]:
    return {dial.feature.id: dial for dial in vector.dials}
