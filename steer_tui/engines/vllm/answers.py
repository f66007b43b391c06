"""What the server answers: OpenAI's shapes as vLLM has them, completions and chats, whole and in pieces."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from steer_tui.domain import finite_or_none
from steer_tui.wire import Answer

_Logprob = Annotated[float | None, BeforeValidator(finite_or_none)]


class ServedModel(Answer):
    """A model by the name that requests call it."""

    id: str
    root: str | None = None
    """Where it was loaded from: its name on a hub, or a folder."""
    max_model_len: int | None = None
    """Tokens of a prompt and its completion together."""


class ModelList(Answer):
    """What the server has; the models that were loaded stand before what was added to them."""

    data: tuple[ServedModel, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A token as the log-probabilities name it."""

    text: str
    logprob: float | None


class TokenLogprob(Answer):
    """One token of a chat."""

    token: str
    logprob: _Logprob = None


class Logprobs(Answer):
    """The tokens of a completion side by side, or those of a chat one by one."""

    tokens: tuple[str, ...] = ()
    token_logprobs: tuple[_Logprob, ...] = ()
    content: tuple[TokenLogprob, ...] | None = None

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The tokens in order, or none where the two sides of a completion are of different length."""
        if self.content is not None:
            return tuple(Piece(one.token, one.logprob) for one in self.content)
        if len(self.tokens) != len(self.token_logprobs):
            return ()
        return tuple(map(Piece, self.tokens, self.token_logprobs))


class Message(Answer):
    """What a chat's frame adds: thoughts stand beside the answer where the server parts them."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


_NO_MESSAGE = Message()


class Choice(Answer):
    """The one text that was asked for, or what a frame adds to it."""

    text: str | None = None
    delta: Message | None = None
    logprobs: Logprobs | None = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None
    """The stop text that was met, or a token's number, or None for the model's own end."""

    @property
    def written(self) -> str:
        """The text, thoughts included."""
        delta = self.delta or _NO_MESSAGE
        return self.text or (delta.reasoning or delta.reasoning_content or "") + (delta.content or "")

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Its tokens, or none where the server names none."""
        return self.logprobs.pieces if self.logprobs else ()


class Frame(Answer):
    """One event of a stream; such as tell of usage alone have no choices."""

    choices: tuple[Choice, ...] = ()


class Usage(Answer):
    """How many tokens were counted."""

    prompt_tokens: int


class Tensor(Answer):
    """An array on its way: bytes in base64, of numbers that may stand for others of the same size."""

    data: str
    dtype: str
    shape: tuple[Annotated[int, Field(ge=0)], ...]
    original_dtype: str | None = None
    """What the numbers are, such as `torch.bfloat16` where they travel as int16."""
    compression: str | None = None


def _only_tensor(value: object) -> Any:
    return value.get("residual_stream") if isinstance(value, dict) else None


class Completion(Answer):
    """A completion that came whole."""

    choices: tuple[Choice, ...]
    usage: Usage | None = None
    residual_stream: Annotated[Tensor | None, BeforeValidator(_only_tensor)] = Field(None, alias="activations")
    """[layers, positions, d_model] by rising layer, where the server was asked for it and has the plugin."""
