"""The keys that a person has bound otherwise, checked before Textual would ignore a mistake in silence."""

from collections.abc import Mapping
from difflib import get_close_matches

from textual.binding import Binding
from textual.keys import _character_to_key

from steer_tui.domain import InvalidValue
from steer_tui.tui.screens.main import MainScreen
from steer_tui.tui.screens.services import ServiceScreen
from steer_tui.tui.widgets.prompt import PromptBox
from steer_tui.tui.widgets.rack import DialRack

ACTIONS: dict[str, Binding] = {
    binding.id: binding
    for scope in (MainScreen, ServiceScreen, DialRack, PromptBox)
    for binding in scope.BINDINGS
    if isinstance(binding, Binding) and binding.id
}
"""Every action that can be bound otherwise, by its id: the scope where its keys count, a dot, a name."""


def scope_of(action: str) -> str:
    """Where an action's keys count: `main`, `dial` or `prompt`."""
    return action.partition(".")[0]


def keys_of(action: str, keymap: Mapping[str, str]) -> list[str]:
    """The keys of an action under a keymap."""
    keys = [key.strip() for key in keymap.get(action, ACTIONS[action].key).split(",") if key.strip()]
    # Textual knows "?" as "question_mark", and so must we to see two actions on one key.
    return [_character_to_key(key) if len(key) == 1 else key for key in keys]


def check_keymap(keymap: Mapping[str, str]) -> None:
    """Raise InvalidValue for an action that is not there, or for a key that does two things in one place."""
    for action in keymap:
        if action not in ACTIONS:
            nearest = get_close_matches(action, ACTIONS, 1, 0)[0]
            raise InvalidValue(f"There is no action {action!r} to bind under [keys]; the nearest is {nearest!r}.")
        if not keys_of(action, keymap):
            raise InvalidValue(f"Under [keys], {action!r} is bound to no key; name one, or leave the line out.")
    taken: dict[tuple[str, str], str] = {}
    for action in sorted(ACTIONS, key=keymap.__contains__):
        for key in keys_of(action, keymap):
            other = taken.setdefault((scope_of(action), key), action)
            if other != action:
                raise InvalidValue(
                    f"Under [keys], {key!r} is bound to {action!r} but already does {other!r}: bind that otherwise too."
                )
