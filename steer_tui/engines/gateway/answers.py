"""What a gateway answers in one piece."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeInt, ValidationError
from pydantic.alias_generators import to_camel

from steer_tui.domain import Malformed, Method, safe_line

_A = TypeVar("_A", bound="Answer")

Number = Annotated[float, Field(allow_inf_nan=False)]


class Answer(BaseModel):
    """A JSON object of the gateway; what we do not know in it is passed over."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore")


def read_answer(kind: type[_A], value: object) -> _A:
    """The answer that a JSON value is, or `Malformed` with the name of the field."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = safe_line(".".join(str(part) for part in first["loc"])[:80]) or "the whole"
        raise Malformed(f"The gateway's answer is not what its protocol says: {where}: {first['msg']}.") from error


def _known_methods(value: object) -> object:
    return [name for name in value if name in tuple(Method)] if isinstance(value, list) else value


class QuotaAnswer(Answer):
    """How many calls the service behind the gateway still takes."""

    remaining: NonNegativeInt
    limit: NonNegativeInt | None = None


class InfoAnswer(Answer):
    """What stands behind the gateway, and what it can do."""

    model: str
    methods: Annotated[tuple[Method, ...], BeforeValidator(_known_methods)] = (Method.ADDITIVE,)
    context: int | None = None
    quota: QuotaAnswer | None = None
    live_dials: bool = False


class ContextAnswer(Answer):
    """A piece of text in which a feature fires."""

    tokens: tuple[str, ...]
    activations: tuple[Number, ...]


class CurvePointAnswer(Answer):
    """What a dial did at one value."""

    value: Number
    share: Number
    nats: Number
    random_share: Number | None = None


class FeatureAnswer(Answer):
    """A feature with its evidence."""

    id: str
    label: str
    unit: Number
    kind: str = ""
    unit_origin: str | None = None
    residual_norm: Number | None = None
    max_activation: Number | None = None
    density: Number | None = None
    promoted: tuple[str, ...] = ()
    suppressed: tuple[str, ...] = ()
    contexts: tuple[ContextAnswer, ...] = ()
    curve: tuple[CurvePointAnswer, ...] = ()


class FeaturesAnswer(Answer):
    """Some of the features that fit a query, best first."""

    features: tuple[FeatureAnswer, ...]
    next_offset: NonNegativeInt | None = None


class TurnAnswer(Answer):
    """The token from which on turned dials act, or None where the steered lane has ended."""

    index: NonNegativeInt | None
