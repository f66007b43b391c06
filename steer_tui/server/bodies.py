"""What clients may ask: every field bounded and validated, and nothing beside them taken."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from starlette.datastructures import QueryParams

from steer_tui.domain import SEED_MAX, Lane, Method, Sampling
from steer_tui.server.refusing import Denial

PROMPT_MAX = 32_000
NAME_MAX = 500
VALUE_MAX = 10_000.0
FEATURES_MAX = 64
TOKENS_MAX = 2_048
TEMPERATURE_MAX = 10.0
STOPS_MAX, STOP_LENGTH_MAX = 16, 200

_ONCE = ("prompt", "method", "token")
_REPEATED = ("dial", "stop", "lanes")
_OPTIONS = ("maxTokens", "temperature", "seed", "returnActivations", "chat", "resume")


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty")
    return text


def _once(lanes: tuple[Lane, ...]) -> tuple[Lane, ...]:
    if len(set(lanes)) != len(lanes):
        raise ValueError("a lane is named twice")
    return lanes


Prompt = Annotated[str, Field(min_length=1, max_length=PROMPT_MAX), AfterValidator(_not_blank)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX), AfterValidator(_not_blank)]
Stop = Annotated[str, Field(min_length=1, max_length=STOP_LENGTH_MAX)]


class Asked(BaseModel):
    """A part of what was asked."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class FeatureAsked(Asked):
    """A feature by its id or its label, and how far its dial is turned."""

    id: Name | None = None
    label: Name | None = None
    value: Annotated[float, Field(ge=-VALUE_MAX, le=VALUE_MAX, allow_inf_nan=False)]
    """In notches; 0 is off."""

    @model_validator(mode="after")
    def _named(self) -> "FeatureAsked":
        if (self.id is None) == (self.label is None):
            raise ValueError("name the feature by its id or by its label")
        return self

    @property
    def name(self) -> str:
        """The id or the label."""
        return self.id or self.label or ""


class VectorAsked(Asked):
    """The dials, and how they act together."""

    features: Annotated[tuple[FeatureAsked, ...], Field(max_length=FEATURES_MAX)] = ()
    method: Method = Method.ADDITIVE


class OptionsAsked(Asked):
    """How to generate."""

    max_tokens: Annotated[int, Field(ge=1, le=TOKENS_MAX)] = Sampling().max_tokens
    temperature: Annotated[float, Field(ge=0, le=TEMPERATURE_MAX, allow_inf_nan=False)] = Sampling().temperature
    seed: Annotated[int, Field(ge=0, le=SEED_MAX)] = Sampling().seed
    stop: Annotated[tuple[Stop, ...], Field(max_length=STOPS_MAX)] = ()
    lanes: Annotated[tuple[Lane, ...], Field(min_length=1, max_length=len(Lane)), AfterValidator(_once)] = (
        Lane.STEERED,
    )
    return_activations: bool = False
    chat: bool = False
    resume: bool = True
    """Whether the run waits for its client where that is lost."""

    @property
    def sampling(self) -> Sampling:
        """How tokens are drawn."""
        return Sampling(self.temperature, self.max_tokens, self.seed, self.stop)


class GenerateAsked(Asked):
    """The body of a generation."""

    prompt: Prompt
    steering_vector: VectorAsked = VectorAsked()
    options: OptionsAsked = OptionsAsked()


class DialsAsked(Asked):
    """The body of a turn of the dials."""

    steering_vector: VectorAsked


class FeaturesAsked(Asked):
    """The query of a look at the features."""

    q: Annotated[str, Field(max_length=NAME_MAX)] = ""
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=500)] = 100


AskedT = TypeVar("AskedT", bound=Asked)


def read_json(kind: type[AskedT], body: bytes) -> AskedT:
    """What a body asks; raises `Denial`, which says of the first wrong field what is wrong with it."""
    try:
        return kind.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise _refusal(error) from None


def read_query(kind: type[AskedT], query: QueryParams) -> AskedT:
    """What a query asks, each name once."""
    _check_names(query, list(query), ())
    return _read(kind, dict(query))


def read_generation(query: QueryParams) -> GenerateAsked:
    """The generation that a query asks."""
    _check_names(query, [*_ONCE, *_OPTIONS], _REPEATED)
    options: dict[str, Any] = {name: query[name] for name in _OPTIONS if name in query}
    options |= {name: query.getlist(name) for name in ("stop", "lanes") if name in query}
    vector: dict[str, Any] = {"features": [_dial(text) for text in query.getlist("dial")]}
    if "method" in query:
        vector["method"] = query["method"]
    prompt = {"prompt": query["prompt"]} if "prompt" in query else {}
    return _read(GenerateAsked, {**prompt, "steeringVector": vector, "options": options})


def _check_names(query: QueryParams, once: Sequence[str], repeated: Sequence[str]) -> None:
    for name in query:
        if name not in repeated and (name not in once or len(query.getlist(name)) > 1):
            wrong = "it is named more than once" if name in once else "there is no such name"
            raise Denial(422, "rejected", f"{name[:NAME_MAX]}: {wrong}.")


def _dial(text: str) -> dict[str, Any]:
    """A dial as LABEL=VALUE, split at the last `=`, for a label may hold some itself."""
    label, _, value = text.rpartition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not label.strip() or math.isnan(number):
        raise Denial(422, "rejected", "dial: it is written LABEL=VALUE, such as winter=4.")
    return {"label": label.strip(), "value": number}


def _read(kind: type[AskedT], values: dict[str, Any]) -> AskedT:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _refusal(error) from None


def _refusal(error: ValidationError) -> Denial:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    said = first["msg"].removeprefix("Value error, ").rstrip(".")
    if first["type"] == "json_invalid":
        return Denial(400, "malformed", f"The body is no JSON: {said.removeprefix('Invalid JSON: ')}.")
    place = ".".join(str(part) for part in first["loc"])[:NAME_MAX]
    return Denial(422, "rejected", f"{place}: {said}." if place else f"{said}.")
