"""What an engine tells while it generates, and how each event travels as JSON (camelCase keys)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from steer_tui.domain.request import Lane


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
    match event:
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
