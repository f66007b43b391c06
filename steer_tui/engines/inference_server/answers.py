"""What the server answers, read in both of its casings: camelCase since August 2026, snake_case before."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from steer_tui import wire

Number = Annotated[float, Field(allow_inf_nan=False)]


class Answer(wire.Answer):
    """A JSON object of the server, in either of its casings."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


def _only_words(value: object) -> object:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _only_switches(value: object) -> object:
    return {name: on for name, on in value.items() if isinstance(on, bool)} if isinstance(value, dict) else {}


class Capabilities(Answer):
    """What the server says of itself; None stands for what it does not say."""

    model: str | None = None
    backend: str | None = None
    max_concurrent_requests: int | None = None
    max_tokens: int | None = None
    """Tokens of a prompt and its completion together."""
    token_limit: int | None = None
    """Tokens of a prompt."""
    activation_token_limit: int | None = None
    sae_sets: Annotated[tuple[str, ...], BeforeValidator(_only_words)] = ()
    endpoints: Annotated[dict[str, bool], BeforeValidator(_only_switches)] = {}

    @property
    def caps_projections(self) -> bool:
        """Whether the method projection_cap does there what it says: the eager backend adds instead."""
        return self.backend == "vllm"

    @property
    def can_lock_its_slot(self) -> bool:
        """Whether a request that is given up may hold up the next one: every backend but vLLM."""
        return self.backend != "vllm"

    @property
    def takes_parallel_requests(self) -> bool:
        """Whether two requests run at once."""
        return (self.max_concurrent_requests or 1) > 1

    def lacks(self, endpoint: str) -> bool:
        """Whether the server says that it does not have an endpoint, such as `steer_completion`."""
        return self.endpoints.get(endpoint, self.endpoints.get(to_camel(endpoint), True)) is False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A text as one frame has it."""

    text: str
    """What is shown."""
    raw: str
    """What the model wrote, tokens that end a text or a turn among it."""


class Output(Answer):
    """The text of one type, from its beginning."""

    type: str
    output: str


class Message(Answer):
    """One message of a chat."""

    role: str
    content: str


class Chat(Answer):
    """A conversation, and how it stands in front of the model."""

    chat_template: tuple[Message, ...]
    raw: str
    type: str | None = None


class CompletionFrame(Answer):
    """One frame of a completion."""

    outputs: tuple[Output, ...]

    def snapshot(self, kind: str) -> Snapshot | None:
        """The text of a type so far, or None where the frame does not list it."""
        return next((Snapshot(one.output, one.output) for one in self.outputs if one.type == kind), None)


class ChatFrame(Answer):
    """One frame of a chat."""

    outputs: tuple[Chat, ...]
    input: Chat

    def snapshot(self, kind: str) -> Snapshot | None:
        """The model's turn of a type so far, or None where the frame does not list it."""
        for one in self.outputs:
            if one.type == kind:
                has_turn = len(one.chat_template) > len(self.input.chat_template)
                text = one.chat_template[-1].content if has_turn else ""
                return Snapshot(text, one.raw.removeprefix(self.input.raw))
        return None


class Activation(Answer):
    """How strongly a feature fires on each token."""

    values: tuple[Number, ...]


class ActivationAnswer(Answer):
    """A text in tokens, and a feature on each."""

    activation: Activation
    tokens: tuple[str, ...]
    tokens_is_special: tuple[bool, ...] = ()


class TokensAnswer(Answer):
    """The tokens of a text, or of a chat as its template puts it before the model."""

    tokens: tuple[Any, ...]


class TokenizeAnswer(TokensAnswer):
    """A text in tokens."""

    token_strings: tuple[str, ...] = ()


class SaeVectorAnswer(Answer):
    """A decoder row, and where in the model it acts."""

    vector: tuple[Number, ...]
    hook_name: str
