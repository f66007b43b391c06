"""What the server answers, as models: the document is made of them, and so is every answer that is short.

Features and events are told as `steer-tui features --json` and recordings tell them; the tests hold them against these.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from steer_tui.domain import FinishReason, Lane, Method
from steer_tui.engines import LanePolicy


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, frozen=True)

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        return self.model_dump(mode="json", by_alias=True)


class QuotaTold(Answer):
    """How many calls the engine's own service still takes."""

    remaining: int
    limit: int | None


class GenerationsTold(Answer):
    """How busy the server is."""

    running: int
    waiting: int
    at_once: int
    queue: int


class InfoTold(Answer):
    """What the engine is and can do, and how much of it there is."""

    name: str
    model: str
    methods: tuple[Method, ...]
    lanes: LanePolicy
    quota: QuotaTold | None
    context: int | None
    live_dials: bool
    searches: bool
    rate_limit: str
    generation_seconds: float
    keep_seconds: float
    generations: GenerationsTold


class ContextTold(Answer):
    """A piece of text in which a feature fires."""

    tokens: tuple[str, ...]
    activations: tuple[float, ...]


class CurvePointTold(Answer):
    """What a dial did at one value."""

    value: float
    share: float
    nats: float
    random_share: float | None


class FeatureTold(Answer):
    """A feature with what is known of it."""

    id: str
    label: str
    kind: str
    unit: float
    unit_origin: str
    residual_norm: float | None
    max_activation: float | None
    density: float | None
    promoted: tuple[str, ...]
    suppressed: tuple[str, ...]
    contexts: tuple[ContextTold, ...]
    curve: tuple[CurvePointTold, ...]


class FeaturesTold(Answer):
    """Some features, and where the next ones begin."""

    features: tuple[FeatureTold, ...]
    next_offset: int | None


class HealthTold(Answer):
    """The server answers."""

    status: str = "ok"


class PassTold(Answer):
    """A short-lived token for a query."""

    token: str
    expires_in: int
    """Seconds."""


class TurnTold(Answer):
    """Where the turned dials begin to act."""

    index: int | None


class RefusalTold(Answer):
    """Why there is no other answer; what is not known is left out."""

    error: str
    code: str
    hint: str | None = None
    retry_after: int | None = None

    def to_wire(self) -> dict[str, Any]:
        """The JSON object."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class TokenTold(Answer):
    """Event `token`."""

    token: str
    index: int
    lane: Lane
    logprob: float | None = None


class ActivationOfFeatureTold(Answer):
    """How strongly one feature fires."""

    id: str
    label: str
    activation: float


class ActivationTold(Answer):
    """Event `activation`."""

    token_index: int
    lane: Lane
    features: tuple[ActivationOfFeatureTold, ...]


class RewindTold(Answer):
    """Event `rewind`: only the first `keep` tokens still hold."""

    lane: Lane
    keep: int


class DoneTold(Answer):
    """Event `done`."""

    lane: Lane
    finish_reason: FinishReason


class ErrorTold(Answer):
    """Event `error`."""

    message: str
    code: str
    retry_after: float | None = None
    lane: Lane | None = None


EVENTS: dict[str, type[Answer]] = {
    "token": TokenTold,
    "activation": ActivationTold,
    "rewind": RewindTold,
    "done": DoneTold,
    "error": ErrorTold,
}
