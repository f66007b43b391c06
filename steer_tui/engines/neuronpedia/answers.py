"""What the service answers to a steering request: whole, or as frames of a stream, each with the texts so far."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from steer_tui.domain import Lane, Malformed, Rejected
from steer_tui.engines.texts.markers import end_marker
from steer_tui.wire import JsonObject

_KEYS = {Lane.STEERED: "STEERED", Lane.DEFAULT: "DEFAULT"}
_LINK = re.compile(r"https?://[!-~]{1,500}")


@dataclass(frozen=True, slots=True)
class LaneText:
    """The text of a lane, as far as it has come."""

    text: str
    """Without the prompt, and without what marks its end."""
    ended: bool = False
    """Whether it shows that the model has ended it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The texts so far, and what is told beside them."""

    texts: Mapping[Lane, LaneText | None]
    """None for a lane that has not begun."""
    is_saved: bool
    """Whether the service has kept the texts, which it does at the end."""
    link: str | None
    """Where they can be read by anybody."""
    remaining: int | None
    """Steering requests that are left."""
    tells_remaining: bool
    """Whether the answer speaks of the quota, be it to say that there is none."""


ReadText: TypeAlias = Callable[[Any], LaneText]


def read_completion(value: Any) -> LaneText:
    """The text of a raw completion."""
    if not isinstance(value, str):
        raise Malformed("The service sent a completion that is not a text.")
    marker = end_marker(value)
    return LaneText(value.removesuffix(marker), ended=marker != "")


def read_chat(value: Any) -> LaneText:
    """The text of a chat's latest turn, empty while the model has not begun it."""
    if not isinstance(value, dict):
        raise Malformed("The service sent a chat that is not an object.")
    messages = value.get("chatTemplate", value.get("chat_template"))
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise Malformed("The service sent a chat without its messages.")
    latest = messages[-1] if messages else {}
    if latest.get("role") not in ("assistant", "model"):
        return LaneText("")
    content, raw = latest.get("content"), value.get("raw")
    if not isinstance(content, str):
        raise Malformed("The service sent a message that is not a text.")
    return LaneText(content, ended=isinstance(raw, str) and end_marker(raw.rstrip()) != "")


def read_answer(value: Any, read_text: ReadText, present: Callable[[str], str]) -> Answer:
    """The answer that a JSON value is, or an error, with the service's own words as they are presented."""
    if not isinstance(value, dict):
        raise Malformed("The service sent JSON that is not an object.")
    if not any(key in value for key in _KEYS.values()):
        raise _unexpected(value, present)
    texts = {lane: None if (told := value.get(key)) is None else read_text(told) for lane, key in _KEYS.items()}
    id, link = value.get("id"), value.get("shareUrl")
    return Answer(
        texts,
        is_saved=isinstance(id, str) and id != "",
        link=link if isinstance(link, str) and _LINK.fullmatch(link) else None,
        remaining=_count(value.get("limit")),
        tells_remaining="limit" in value,
    )


def _unexpected(value: JsonObject, present: Callable[[str], str]) -> Malformed | Rejected:
    words = next((told for key in ("message", "error") if isinstance(told := value.get(key), str)), None)
    if words is None:
        return Malformed("The service sent an answer without texts.")
    return Rejected(f"The service sent an error instead of texts: {present(words)}")


def _count(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return max(value, 0)
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value, re.ASCII) else None
