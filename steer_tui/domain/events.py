"""What an engine tells while it generates, and how each event travels as JSON (camelCase keys)."""

import math
import sys
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, NoReturn, TypeAlias

from steer_tui.domain.errors import Malformed
from steer_tui.domain.request import Lane

MOST_ACTIVATION: Final = 1e30

LAST_MOMENT: Final = 1e6
"""Seconds, eleven days: what comes later than that never comes."""


class FinishReason(StrEnum):
    """Why a lane ended."""

    COMPLETE = "complete"
    """The model ended its text."""
    MAX_TOKENS = "max_tokens"
    STOP_SEQUENCE = "stop_sequence"


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """One more token of a lane; `index` counts from 0, and `token` may be empty while a character is incomplete."""

    token: str
    index: int
    lane: Lane
    logprob: float | None = None
    """Natural logarithm of the token's probability as it was sampled from, or None where the engine cannot tell."""


@dataclass(frozen=True, slots=True)
class FeatureActivation:
    """How strongly one feature fires on a token."""

    id: str
    label: str
    activation: float


@dataclass(frozen=True, slots=True)
class ActivationEvent:
    """The activations that belong to a token of a lane."""

    token_index: int
    lane: Lane
    features: tuple[FeatureActivation, ...]


@dataclass(frozen=True, slots=True)
class RewindEvent:
    """Only the first `keep` tokens of a lane still hold: after a restart, or where the text was rewritten."""

    lane: Lane
    keep: int


@dataclass(frozen=True, slots=True)
class DoneEvent:
    """A lane has ended well; nothing more comes for it."""

    lane: Lane
    finish_reason: FinishReason


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """A lane has failed, or both where `lane` is None; `code` is the error's name in snake case."""

    message: str
    code: str
    retry_after: float | None = None
    lane: Lane | None = None


Event: TypeAlias = TokenEvent | ActivationEvent | RewindEvent | DoneEvent | ErrorEvent


def event_to_wire(event: Event) -> tuple[str, dict[str, Any]]:
    """An event's name and its JSON object, as the gateway, `--json` and recordings carry it."""
    match _in_numbers(event):
        case TokenEvent(token, index, lane, logprob):
            data: dict[str, Any] = {"token": token, "index": index, "lane": lane.value}
            return "token", data if logprob is None else {**data, "logprob": round(logprob, 4)}
        case ActivationEvent(token_index, lane, features):
            listed = [{"id": f.id, "label": f.label, "activation": round(f.activation, 4)} for f in features]
            return "activation", {"tokenIndex": token_index, "lane": lane.value, "features": listed}
        case RewindEvent(lane, keep):
            return "rewind", {"lane": lane.value, "keep": keep}
        case DoneEvent(lane, finish_reason):
            return "done", {"lane": lane.value, "finishReason": finish_reason.value}
        case ErrorEvent(message, code, retry_after, error_lane):
            data = {"message": message, "code": code}
            if retry_after is not None:
                data["retryAfter"] = retry_after
            if error_lane is not None:
                data["lane"] = error_lane.value
            return "error", data


def _in_numbers(event: Event) -> Event:
    """The event without what is no number that JSON has: a model may well compute one."""
    match event:
        case TokenEvent(logprob=float(logprob)) if not math.isfinite(logprob):
            return replace(event, logprob=None)
        case ActivationEvent(features=features) if not all(abs(one.activation) <= MOST_ACTIVATION for one in features):
            return replace(event, features=tuple(one for one in features if abs(one.activation) <= MOST_ACTIVATION))
        case ErrorEvent(retry_after=float() | int() as seconds):
            return replace(event, retry_after=None if math.isnan(seconds) else min(max(seconds, 0.0), LAST_MOMENT))
        case _:
            return event


def event_from_wire(name: str, data: object) -> Event | None:
    """The event of that name that a JSON value is, or None for a name that nobody knows; raises `Malformed`."""
    read = _Fields(name, data)
    match name:
        case "token":
            return TokenEvent(read.text("token"), read.count("index"), read.lane(), read.number_or_none("logprob"))
        case "activation":
            features = tuple(_activation(feature) for feature in read.list("features"))
            return ActivationEvent(read.count("tokenIndex"), read.lane(), features)
        case "rewind":
            return RewindEvent(read.lane(), read.count("keep"))
        case "done":
            return DoneEvent(read.lane(), read.finish_reason())
        case "error":
            lane = None if read.is_missing("lane") else read.lane()
            return ErrorEvent(read.text("message"), read.text("code"), read.number_or_none("retryAfter"), lane)
        case _:
            return None


def _activation(data: object) -> FeatureActivation:
    read = _Fields("activation", data)
    return FeatureActivation(read.text("id"), read.text("label"), read.number("activation"))


class _Fields:
    """What an event's JSON object says, field by field; one that is not as it should be is named."""

    def __init__(self, event: str, data: object) -> None:
        self._event = event
        self._data: dict[str, Any] = data if isinstance(data, dict) else {}

    def is_missing(self, field: str) -> bool:
        return self._data.get(field) is None

    def text(self, field: str) -> str:
        value = self._data.get(field)
        return value if isinstance(value, str) else self._fail(field)

    def count(self, field: str) -> int:
        value = self._data.get(field)
        return value if type(value) is int and value >= 0 else self._fail(field)

    def number(self, field: str) -> float:
        value = self._data.get(field)
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= sys.float_info.max:
            self._fail(field)
        return float(value)

    def number_or_none(self, field: str) -> float | None:
        return None if self.is_missing(field) else self.number(field)

    def list(self, field: str) -> list[Any]:
        value = self._data.get(field)
        return value if isinstance(value, list) else self._fail(field)

    def lane(self) -> Lane:
        value = self._data.get("lane")
        return Lane(value) if value in tuple(Lane) else self._fail("lane")

    def finish_reason(self) -> FinishReason:
        value = self._data.get("finishReason")
        return FinishReason(value) if value in tuple(FinishReason) else self._fail("finishReason")

    def _fail(self, field: str) -> NoReturn:
        raise Malformed(f"The event {self._event!r} does not say its {field} as it should.")
