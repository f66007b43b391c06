"""Every setting there is, with its default and what is allowed; config.toml at the root says the same in prose."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from steer_tui.config.address import origin_of
from steer_tui.domain import SEED_MAX, Sampling


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a key may hold, in words that complete "temperature must be …"."""

    words: str


class Private:
    """Marks what may hold a secret that somebody wrote in the wrong place: an error never shows its value."""


def _checked_address(address: str) -> str:
    origin_of(address)
    return address


Text = Annotated[str, Allowed("a text in quotes")]
# TOML has lists where a frozen model holds tuples, so these alone are not strict.
Texts = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    Field(strict=False),
    Allowed('a list of texts that are not empty, such as ["a", "b"]'),
]
Milliseconds = Annotated[int, Field(ge=0), Allowed("a whole number of milliseconds, 0 or more")]
Truth = Annotated[bool, Allowed("true or false")]
Address = Annotated[
    str,
    AfterValidator(_checked_address),
    Allowed("an address such as http://127.0.0.1:5002 or https://host, in quotes"),
    Private(),
]
VariableName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"),
    Allowed("the name of an environment variable, in quotes; the key itself does not belong in a file"),
    Private(),
]
KeyCommand = Annotated[Texts, Allowed('a list of words such as ["pass", "show", "neuronpedia"]'), Private()]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False), Allowed("a number of seconds, or 0 for no limit")]

_SAMPLING = Sampling()


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class SamplingConfig(_Section):
    """How the next token is drawn, and when to stop."""

    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False), Allowed("a number, 0 or more")] = (
        _SAMPLING.temperature
    )
    """0 takes the likeliest token."""
    max_tokens: Annotated[int, Field(ge=1), Allowed("a whole number, 1 or more")] = _SAMPLING.max_tokens
    """The most tokens that one text may have."""
    seed: Annotated[int, Field(ge=0, le=SEED_MAX), Allowed(f"a whole number from 0 to {SEED_MAX}")] = _SAMPLING.seed
    """Where the random draws start."""
    stop: Texts = _SAMPLING.stop
    """Texts that end the generation, and are no part of it."""


class PromptConfig(_Section):
    """What stands in the prompt's box."""

    example: Text = "Once upon a time there was a painter named Leo, who"
    """The prompt that the app opens with."""


class DialsConfig(_Section):
    """The rack at the start."""

    start: Annotated[Texts, Allowed('a list of "FEATURE=VALUE", each with a feature\'s label or id')] = ()
    """FEATURE=VALUE each; empty: the engine's first four in the app, and none in `run`."""


class GenerationConfig(_Section):
    """When a generation starts, and how fast its text appears."""

    auto: Annotated[Literal["when free", "on", "off"], Allowed('one of "when free", "on", "off"')] = "when free"
    """Whether an edit generates by itself; "when free": on engines without a quota."""
    live: Truth = False
    """Whether a turned dial acts from the next token on, without a restart, on engines that can."""
    debounce_ms: Milliseconds = 500
    """How long edits have to rest before a generation starts."""
    debounce_builtin_ms: Milliseconds = 150
    """The same for the builtin engine."""
    pace: Annotated[
        float, Field(ge=0, allow_inf_nan=False), Allowed("a number of tokens a second, or 0 for as fast as they come")
    ] = 0.0
    """Tokens a second; 0 as fast as they come."""


class DeadlinesConfig(_Section):
    """How long to wait for an engine, in seconds; 0 waits for ever."""

    first_event: Seconds = 300.0
    """From the request to its first event."""
    silence: Seconds = 60.0
    """Between two events."""
    whole: Seconds = 0.0
    """From the request to its end."""


class NeuronpediaConfig(_Section):
    """Neuronpedia's own service, or a mirror of it."""

    model: Annotated[str, Field(min_length=1), Allowed('the id of a model, such as "gemma-2-2b"')] = "gemma-2-2b"
    """The model that is steered."""
    url: Address = "https://www.neuronpedia.org"
    """Where it is; the key is for this address."""
    key_env: VariableName = "NEURONPEDIA_API_KEY"
    """The environment variable that holds the key."""
    key_command: KeyCommand = ()
    """Words of a command whose first line of output is the key."""
    chat: Truth = False
    """Whether the model's chat template is applied."""
    replay_pace_ms: Annotated[
        float, Field(ge=0, allow_inf_nan=False), Allowed("a number of milliseconds, 0 or more")
    ] = 75.0
    """Between two words of a text that comes all at once."""


class InferenceServerConfig(_Section):
    """A Neuronpedia inference server of one's own."""

    url: Address = "http://127.0.0.1:5002"
    """Where it is; the key is for this address."""
    model: Annotated[str, Allowed("the name of a model, or empty")] = ""
    """Empty: what the server says."""
    key_env: VariableName = "INFERENCE_SERVER_SECRET"
    """The environment variable that holds the secret."""
    key_command: KeyCommand = ()
    """Words of a command whose first line of output is the secret."""
    chat: Truth = False
    """Whether the model's chat template is applied."""


class Config(_Section):
    """All of config.toml; a section that is left out has its defaults."""

    engine: Annotated[str, Allowed("the name of an engine, in quotes")] = "builtin"
    """The engine that generates; the cli knows the names."""
    theme: Annotated[str, Allowed("the name of a theme, in quotes")] = "tokyo-night"
    """The app's colours; Textual knows the names."""
    sampling: SamplingConfig = SamplingConfig()
    """How the next token is drawn."""
    prompt: PromptConfig = PromptConfig()
    """What stands in the prompt's box."""
    dials: DialsConfig = DialsConfig()
    """The rack at the start."""
    generation: GenerationConfig = GenerationConfig()
    """When a generation starts."""
    deadlines: DeadlinesConfig = DeadlinesConfig()
    """How long to wait for an engine."""
    neuronpedia: Annotated[NeuronpediaConfig, Private()] = NeuronpediaConfig()
    """Neuronpedia's service."""
    inference_server: Annotated[InferenceServerConfig, Field(alias="inference-server"), Private()] = (
        InferenceServerConfig()
    )
    """A server of one's own."""
    keys: Annotated[
        dict[str, str | dict[str, str]], Allowed('the names of keys in quotes, as in main.generate = "enter,f5"')
    ] = {}
    """Other keys for the app's actions; the app knows both."""

    @property
    def keymap(self) -> dict[str, str]:
        """Keys by action, whose dot TOML takes for a table where it is not in quotes."""
        flat: dict[str, str] = {}
        for name, bound in self.keys.items():
            flat |= {name: bound} if isinstance(bound, str) else {f"{name}.{action}": bound[action] for action in bound}
        return flat
