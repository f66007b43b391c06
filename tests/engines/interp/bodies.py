"""What interp-engine's server takes, field by field: a key that it does not know is refused."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Tensor(Body):
    dtype: Literal["float32", "float16", "bfloat16"]
    shape: list[int]
    data: str


class Additive(Body):
    method: Literal["additive"]
    vector: Tensor
    scale: float
    normalize: bool = False


class Orthogonal(Body):
    method: Literal["orthogonal"]
    vector: Tensor
    coeff: float = 1.0


class ProjectionCap(Body):
    method: Literal["projection_cap"]
    vector: Tensor
    min: float | None = None
    max: float | None = None


class Ablate(Body):
    method: Literal["ablate"]
    vector: Tensor


Operation = Annotated[Additive | Orthogonal | ProjectionCap | Ablate, Field(discriminator="method")]


class Steering(Body):
    point: str = "resid_post"
    stream: int | None = None
    layers: dict[str, list[Operation]]


class Message(Body):
    role: str
    content: str


class Tokenize(Body):
    text: str | None = None
    messages: list[Message] | None = None
    add_generation_prompt: bool = True
    prepend_bos: bool | None = None

    @model_validator(mode="after")
    def _one_input(self) -> "Tokenize":
        if (self.text is None) == (self.messages is None):
            raise ValueError("send exactly one of text or messages")
        return self


class Generate(Body):
    prompt_token_ids: list[int] = Field(min_length=1)
    max_tokens: int = Field(default=64, ge=1)
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop_at_eos: bool = True
    n_logprobs: int = Field(default=0, ge=0, le=20)
    steering: list[Steering] | None = None
    steer_generated: bool = True
    stream: bool = True


class DirectionSet(Body):
    point: str
    vectors: Tensor
    bias: Tensor | None = None
    nonlinearity: Literal["none", "relu"] = "none"


class Project(Body):
    prompt_token_ids: list[int] = Field(min_length=1)
    directions: list[DirectionSet] = Field(min_length=1)
    steering: list[Steering] | None = None


class Capture(Body):
    prompt_token_ids: list[int] = Field(min_length=1)
    points: list[str] = Field(min_length=1)
    rows: list[int] | None = None
    steering: list[Steering] | None = None
    output_dtype: Literal["float32", "float16", "bfloat16"] = "float32"
