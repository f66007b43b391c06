"""What the server answers, and the lines of its streams."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from steer_tui.engines.directions.model_shape import ModelShape
from steer_tui.wire import Answer, not_the_protocol

TokenId: TypeAlias = Annotated[int, Field(ge=0, lt=2**31)]

# Far beyond every model: a number that is none must show here, and not where memory is taken for it.
LAYERS_MAX, WIDTH_MAX = 10_000, 1_000_000


class Description(Answer):
    """The model and how it runs."""

    hf_model_id: str
    backend: str
    n_layers: int = Field(ge=1, le=LAYERS_MAX)
    d_model: int = Field(ge=1, le=WIDTH_MAX)


class Load(Answer):
    """How the model was loaded: what changes its numbers."""

    dtype: str | None = None
    quantization: str | None = None


class Limits(Answer):
    """What one request may ask for."""

    max_prompt_tokens: int = Field(ge=1)
    max_new_tokens: int = Field(ge=1)
    max_capture_points: int = Field(default=256, ge=1)
    max_concurrency: int = 1


class Described(Answer):
    """What the server says of itself."""

    description: Description
    limits: Limits
    has_chat_template: bool = False
    engine_version: str | None = None
    load: Load = Load()

    @property
    def shape(self) -> ModelShape:
        """What directions have to fit."""
        model = self.description
        return ModelShape(model.hf_model_id, model.d_model, model.n_layers)

    @property
    def takes_parallel_requests(self) -> bool:
        """Whether two requests run at once, each steered as it asks.

        The eager backend steers the one model that it has: told to run several, it would steer each with the others'.
        """
        return self.limits.max_concurrency > 1 and self.description.backend != "eager"


class Tokens(Answer):
    """A text in tokens, or a chat as its template puts it before the model."""

    token_ids: tuple[TokenId, ...]
    str_tokens: tuple[str, ...]


class Tensor(Answer):
    """Numbers as they travel."""

    dtype: str
    shape: tuple[int, ...]
    data: str


class Captured(Answer):
    """The residual stream itself, by the name of the point."""

    activations: dict[str, Tensor]


class Projected(Answer):
    """Dot products with the directions of each set, in the order that was asked: [tokens, directions]."""

    values: tuple[Tensor, ...]


class StartLine(Answer):
    """The beginning of a stream."""

    type: Literal["start"]


class TokenLine(Answer):
    """One token, the one that ends a text among them."""

    type: Literal["token"]
    token_id: TokenId
    token_str: str
    """Decoded alone: a piece of a character is U+FFFD, and some tokenizers leave out the space before a word."""


class DoneLine(Answer):
    """The end of a stream that ended well."""

    type: Literal["done"]
    finish: Literal["eos", "length"]


class ErrorLine(Answer):
    """The end of a stream that failed."""

    type: Literal["error"]
    detail: str


Line = StartLine | TokenLine | DoneLine | ErrorLine

_LINES: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="type")])


def read_line(value: dict[str, Any]) -> Line:
    """The line that a JSON object of a stream is, or `Malformed` with the name of the field."""
    try:
        return _LINES.validate_python(value)
    except ValidationError as error:
        raise not_the_protocol("stream", error) from error
