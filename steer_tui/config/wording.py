"""What a person reads when a setting is wrong: where, which key, and what is allowed."""

import json
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from steer_tui.config.keys import FIELDS, KeyPath, allowed, is_private, siblings
from steer_tui.config.layers import Layer, holds, value_at
from steer_tui.domain import InvalidValue

_LONGEST_VALUE = 60


class ConfigError(InvalidValue):
    """A setting that cannot be: the message names the file and line or the variable, the key, and what is allowed."""


def first_complaint(error: ValidationError, layer: Layer) -> ConfigError:
    """The first thing that is wrong with a layer; one at a time is what a person can mend."""
    found = error.errors(include_url=False, include_context=False)[0]
    # What pydantic names beyond the values themselves, such as an entry of a list, is not a key.
    path: KeyPath = ()
    for part in map(str, found["loc"]):
        if not holds(layer.values, (*path, part)):
            break
        path += (part,)
    return unknown_key(path, layer) if found["type"] == "extra_forbidden" else wrong_value(path, layer)


def wrong_value(path: KeyPath, layer: Layer, may_be: str | None = None) -> ConfigError:
    """A key whose value is not what the key allows."""
    found = "" if is_private(path) else f"; it is {_shown(value_at(layer.values, path))}"
    return ConfigError(f"{layer.where(path)}: {'.'.join(path)} must be {may_be or allowed(path)}{found}.")


def unknown_key(path: KeyPath, layer: Layer) -> ConfigError:
    """A key that does not exist, with the one that was probably meant."""
    meant = _nearest(path)
    guess = f"; did you mean {layer.spelled(meant)}?" if meant else "."
    here = ", ".join(siblings(path))
    return ConfigError(f"{layer.where(path)}: there is no key {'.'.join(path)}{guess} Allowed here: {here}.")


def _nearest(path: KeyPath) -> KeyPath | None:
    """The right name in another section, else the name that is most alike."""
    for known in FIELDS:
        if known[-1] == path[-1]:
            return known
    dotted = {".".join(known): known for known in FIELDS}
    near = get_close_matches(".".join(path).replace("-", "_").lower(), dotted, n=1)
    return dotted[near[0]] if near else None


def _shown(value: Any) -> str:
    written = json.dumps(value, ensure_ascii=False, default=str)
    return written if len(written) <= _LONGEST_VALUE else f"{written[: _LONGEST_VALUE - 1]}…"
