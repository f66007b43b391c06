"""Reads the layers, checks each by itself, and lays them over one another."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import ValidationError

from steer_tui.config.keys import FIELDS, KeyPath
from steer_tui.config.layers import (
    VARIABLE_PREFIX,
    FileLayer,
    Layer,
    holds,
    value_at,
    variable_layer,
    variable_of,
)
from steer_tui.config.model import Config
from steer_tui.config.wording import ConfigError, first_complaint, wrong_value

_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """The settings, and where each of them comes from."""

    config: Config
    layers: tuple[Layer, ...]
    """The later wins."""
    own_file: Path
    """The file that holds what differs, or would hold it."""

    @property
    def own_file_was_read(self) -> bool:
        """Whether that file is there."""
        return any(isinstance(layer, FileLayer) and layer.file == self.own_file for layer in self.layers)

    def where(self, path: KeyPath) -> str:
        """The place that sets the key, for errors that only a reader of the config can find."""
        layer = self._setter(path)
        return layer.where(path) if layer is not None else ".".join(path)

    def wrong(self, path: KeyPath, may_be: str) -> ConfigError:
        """The error for a value that only a reader of the config can judge, such as the name of an engine."""
        layer = self._setter(path)
        return wrong_value(path, layer, may_be) if layer is not None else ConfigError(f"{'.'.join(path)}: {may_be}.")

    def where_bound(self, action: str) -> str:
        """The place that binds an action of the app, with its dot in quotes or not."""
        written = (("keys", action), ("keys", *action.split(".", 1)))
        return next((self.where(path) for path in written if self._setter(path) is not None), self.where(("keys",)))

    def _setter(self, path: KeyPath) -> Layer | None:
        return next((layer for layer in reversed(self.layers) if holds(layer.values, path)), None)


def shipped_file() -> Path:
    """The commented default: inside an installed package, one level above it in a checkout."""
    inside = _PACKAGE / "config.toml"
    return inside if inside.exists() else _PACKAGE.parent / "config.toml"


def user_file() -> Path:
    """Where the user's own settings lie on this platform."""
    return platformdirs.user_config_path("steer-tui", appauthor=False) / "config.toml"


def load_config(named: Path | None, environment: Mapping[str, str]) -> LoadedConfig:
    """The settings from all layers; `named` is a file to read instead of the user's own.

    Raises ConfigError for the first thing that is wrong, also where a later layer would have overridden it.
    """
    read = [_read_if_there(shipped_file()), _read(named) if named is not None else _read_if_there(user_file())]
    files = [file for file in read if file is not None]
    ours = sorted(name for name in environment if name.startswith(VARIABLE_PREFIX))
    hold_keys = _variables_with_keys(files, environment)
    layers: list[Layer] = [*files, *(variable_layer(name, environment[name]) for name in ours if name not in hold_keys)]
    for layer in layers:
        _check(layer)
    values: dict[str, Any] = {}
    for layer in layers:
        values = _over(values, layer.values)
    return LoadedConfig(Config.model_validate(values), tuple(layers), named if named is not None else user_file())


def _variables_with_keys(files: list[FileLayer], environment: Mapping[str, str]) -> set[str]:
    """The variables that hold keys and tokens: whatever they are called, they are no settings."""
    named: list[object] = []
    for path in (path for path in FIELDS if path[-1] in ("key_env", "token_env")):
        named += [value_at(file.values, path) for file in files if holds(file.values, path)]
        named.append(environment.get(variable_of(path)))
    return {name for name in named if isinstance(name, str)}


def _read_if_there(file: Path) -> FileLayer | None:
    return _read(file) if os.path.lexists(file) else None


def _read(file: Path) -> FileLayer:
    try:
        # Editors on Windows begin a file with a byte order mark, which TOML does not know.
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{file}, line {line}: the file must be UTF-8 text, and this line is not.") from error
    except OSError as error:
        raise ConfigError(f"{file}: the config file cannot be read: {error.strerror}.") from error
    try:
        return FileLayer(file, text, tomllib.loads(text))
    except (ValueError, RecursionError) as error:  # beside its own error tomllib lets Python's limits through
        raise _not_toml(file, text, error) from error


def _not_toml(file: Path, text: str, error: Exception) -> ConfigError:
    # Before Python 3.14 the position stands in the message alone.
    message, _, position = str(error).partition(" (at ")
    named = re.match(r"line (\d+), column (\d+)", position)
    line, column = named.groups() if named else (text.rstrip("\n").count("\n") + 1, "the end")
    return ConfigError(
        f"{file}, line {line}: this is not TOML at column {column}: {message}. "
        'Each line is key = value, and a text stands in quotes, as in engine = "builtin".'
    )


def _check(layer: Layer) -> None:
    try:
        Config.model_validate(layer.values)
    except ValidationError as error:
        raise first_complaint(error, layer) from error


def _over(below: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Section by section, the values over those below."""
    merged = dict(below)
    for name, value in values.items():
        under = below.get(name)
        merged[name] = _over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
