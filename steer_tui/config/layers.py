"""Where settings come from: a TOML file, or one variable; each can say where it sets a key."""

import tomllib
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from steer_tui.config.keys import FIELDS, KeyPath

VARIABLE_PREFIX = "STEER_TUI_"


class Layer(Protocol):
    """Settings from one place."""

    @property
    def values(self) -> dict[str, Any]:
        """What it sets, by section and key."""
        ...

    def where(self, path: KeyPath) -> str:
        """The place in which it sets the key, for a person to find."""
        ...

    def spelled(self, path: KeyPath) -> str:
        """How that key is written there."""
        ...


@dataclass(frozen=True, slots=True)
class FileLayer:
    """The settings of one config.toml."""

    file: Path
    text: str
    values: dict[str, Any]

    def where(self, path: KeyPath) -> str:
        """The file and the line."""
        return f"{self.file}, line {line_of(self.text, path)}"

    def spelled(self, path: KeyPath) -> str:
        """Section and key with a dot between."""
        return ".".join(path)


@dataclass(frozen=True, slots=True)
class VariableLayer:
    """The one setting of one `STEER_TUI_*` variable."""

    name: str
    values: dict[str, Any]

    def where(self, path: KeyPath) -> str:
        """The variable."""
        return self.name

    def spelled(self, path: KeyPath) -> str:
        """The variable that sets the key."""
        return variable_of(path)


def variable_of(path: KeyPath) -> str:
    """The variable that sets a key; a dash in a section's name is a line there."""
    return VARIABLE_PREFIX + "__".join(path).upper().replace("-", "_")


_KEYS_BY_VARIABLE = {variable_of(path): path for path in FIELDS}


def value_at(values: Mapping[str, Any], path: KeyPath) -> Any:
    """What the key is set to in these values; KeyError where it is not set."""
    here: Any = values
    for name in path:
        if not isinstance(here, Mapping):
            raise KeyError(name)
        here = here[name]
    return here


def holds(values: Mapping[str, Any], path: KeyPath) -> bool:
    """Whether the key is set in these values."""
    try:
        value_at(values, path)
    except KeyError:
        return False
    return True


def line_of(text: str, path: KeyPath) -> int:
    """The line on which a TOML text sets a key, or opens a section.

    tomllib keeps no positions, but it can be asked which is the first beginning of the text that has the key: the
    statement that came last in it starts after the longest beginning that parsed before.
    """
    lines = text.split("\n")

    def parsed(end: int) -> tuple[int, dict[str, Any]]:
        """The longest beginning of at most so many lines that parses: how long it is, and what it sets."""
        while end:
            try:
                return end, tomllib.loads("\n".join(lines[:end]))
            except tomllib.TOMLDecodeError:  # in the middle of a list or text of many lines
                end -= 1
        return 0, {}

    first = bisect_left(range(len(lines) + 1), True, key=lambda end: holds(parsed(end)[1], path))
    return min(parsed(first - 1)[0] + 1, len(lines))


def variable_layer(name: str, written: str) -> VariableLayer:
    """The setting of one variable: its value is written as in TOML, and a text needs no quotes."""
    path = _path_of(name)
    value = _variable_value(path, written)
    for key in reversed(path):
        value = {key: value}
    return VariableLayer(name, value)


def _path_of(variable: str) -> KeyPath:
    if variable in _KEYS_BY_VARIABLE:
        return _KEYS_BY_VARIABLE[variable]
    section, *below = variable.split("__")
    above = _KEYS_BY_VARIABLE.get(section) or (section.removeprefix(VARIABLE_PREFIX).lower(),)
    return (*above, *map(str.lower, below))


def _variable_value(path: KeyPath, written: str) -> Any:
    field = FIELDS.get(path)
    kind = field.annotation if field is not None else str
    is_list = getattr(kind, "__origin__", None) is tuple
    if is_list and not written.startswith("["):
        return [written] if written else []
    if is_list or kind in (int, float, bool):
        try:
            return tomllib.loads(f"value = {written}")["value"]
        except tomllib.TOMLDecodeError:
            return written
    return written
