"""JSON that came from outside, and JSON that goes there."""

import json
from typing import Any, TypeAlias

from steer_tui.domain import Malformed, Rejected

JsonObject: TypeAlias = dict[str, Any]


def parse_json(text: str | bytes) -> Any:
    """The value that the text holds, or `Malformed`; invalid UTF-8 becomes U+FFFD."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")  # json.loads would take bytes for UTF-16 where they hold zeros
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("The server sent something that is not JSON.") from error


def parse_object(text: str | bytes) -> JsonObject:
    """The JSON object that the text holds, or `Malformed`."""
    value = parse_json(text)
    if not isinstance(value, dict):
        raise Malformed("The server sent JSON that is not an object.")
    return value


def dump_json(value: object) -> bytes:
    """The value as it travels: ASCII alone, so that a lone surrogate in a pasted prompt travels too.

    Raises `Rejected` for a number that JSON does not have, such as a strength too large to be one.
    """
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
    except ValueError as error:
        raise Rejected(
            "The request holds a number that is too large to be sent.", hint="Look for a very large strength."
        ) from error
