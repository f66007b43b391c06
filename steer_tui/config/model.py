"""Every setting there is, with its default and what is allowed; config.toml at the root says the same in prose."""

from dataclasses import dataclass
from pathlib import Path
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


def _checked_place(path: str) -> str:
    if not (path.startswith("~") or Path(path).is_absolute()):
        raise ValueError("a relative path means another file in every folder")
    return path


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
AddressIfAny = Annotated[
    Literal[""] | Address,
    Allowed("an address such as http://127.0.0.1:8000 or https://host, in quotes, or empty for none"),
    Private(),
]
Places = Annotated[
    tuple[Annotated[str, AfterValidator(_checked_place)], ...],
    Field(strict=False),
    Allowed('a list of whole paths, each from the root or from ~, such as ["~/vectors/happy.gguf"]'),
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


class InterpConfig(_Section):
    """An interp-engine server that runs somewhere, or one that steer-tui starts for a model."""

    url: AddressIfAny = ""
    """Where it is; empty: steer-tui serves the model itself."""
    model: Annotated[str, Allowed("a model's folder, its id at the hub, or empty")] = ""
    """What steer-tui serves, or what the server has to have."""
    key_env: VariableName = "INTERP_ENGINE_SERVER_TOKEN"
    """The environment variable that holds the server's token."""
    key_command: KeyCommand = ()
    """Words of a command whose first line of output is the token."""
    chat: Truth = False
    """Whether the model's chat template is applied."""
    server_arguments: Annotated[Texts, Allowed('a list of words such as ["--backend", "vllm"]')] = ()
    """More words for the command line of the server that steer-tui starts."""


class VllmConfig(_Section):
    """A vLLM server, or a cluster behind one, that takes steering vectors."""

    url: AddressIfAny = ""
    """Where it is."""
    model: Annotated[str, Allowed("the name of a model, or empty")] = ""
    """Empty: what the server says."""
    key_env: VariableName = "VLLM_API_KEY"
    """The environment variable that holds the key."""
    key_command: KeyCommand = ()
    """Words of a command whose first line of output is the key."""
    chat: Truth = False
    """Whether the model's chat template is applied."""


class GatewayConfig(_Section):
    """Another machine's `steer-tui serve`."""

    url: AddressIfAny = ""
    """Where it is."""
    key_env: VariableName = "STEER_TUI_GATEWAY_TOKEN"
    """The environment variable that holds its token."""
    key_command: KeyCommand = ()
    """Words of a command whose first line of output is the token."""
    chat: Truth = False
    """Whether the chat template of the model behind it is applied."""


class ServeConfig(_Section):
    """What `steer-tui serve` listens with, whom it answers, and how much of it there is for each."""

    host: Annotated[str, Field(min_length=1), Allowed('the address or the name of this machine, such as "0.0.0.0"')] = (
        "127.0.0.1"
    )
    """Where it listens."""
    port: Annotated[int, Field(ge=0, le=65535), Allowed("a whole number from 0 to 65535")] = 8765
    """0 takes a free one."""
    token_file: Annotated[
        Literal[""] | Annotated[str, AfterValidator(_checked_place)],
        Allowed('a whole path from the root or from ~, such as "~/serve-tokens", or empty for none'),
        Private(),
    ] = ""
    """A file with a token a line."""
    token_env: VariableName = "STEER_TUI_SERVE_TOKEN"
    """The environment variable that holds a token, where no file is named."""
    rate_limit: Annotated[str, Allowed('a number of generations in a time, such as "10/minute"')] = "10/minute"
    """For each client."""
    storage: Annotated[str, Allowed('"memory://" or an address such as "redis://host:6379"'), Private()] = "memory://"
    """Where they are counted."""
    origins: Annotated[Texts, Allowed('a list of origins such as ["https://lab.example"]')] = ()
    """Where pages in a browser may come from."""
    trusted_proxies: Annotated[Texts, Allowed('a list of addresses or networks such as ["10.0.0.0/8"]')] = ()
    """Whose X-Forwarded-For is believed."""
    keep: Annotated[float, Field(ge=0, allow_inf_nan=False), Allowed("a number of seconds, 0 or more")] = 60.0
    """Seconds that a generation waits for a client that was lost."""
    deadline: Annotated[float, Field(gt=0, allow_inf_nan=False), Allowed("a number of seconds above 0")] = 30.0
    """Seconds that one generation may take."""
    at_once: Annotated[int, Field(ge=1), Allowed("a whole number, 1 or more")] = 4
    """How many generations are made at once."""
    queue: Annotated[int, Field(ge=0), Allowed("a whole number, 0 or more")] = 16
    """How many may wait for their turn."""


class VectorsConfig(_Section):
    """Steering vectors and SAEs from files, for the engines that take them."""

    paths: Places = ()
    """Files and folders that are offered from the start."""


class Config(_Section):
    """All of config.toml; a section that is left out has its defaults."""

    engine: Annotated[str, Allowed("the name of an engine, in quotes")] = "builtin"
    """The engine that generates; the cli knows the names."""
    theme: Annotated[str, Allowed("the name of a theme, in quotes")] = "tokyo-night"
    """The app's colours; Textual knows the names."""
    canary: Truth = True
    """Whether an engine that takes vectors from files first tries out that they have an effect."""
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
    interp: Annotated[InterpConfig, Private()] = InterpConfig()
    """A model of one's own."""
    vllm_lens: Annotated[VllmConfig, Field(alias="vllm-lens"), Private()] = VllmConfig()
    """A cluster that runs vllm-lens."""
    easysteer: Annotated[VllmConfig, Private()] = VllmConfig()
    """A cluster that runs EasySteer."""
    gateway: Annotated[GatewayConfig, Private()] = GatewayConfig()
    """A `steer-tui serve` somewhere else."""
    serve: Annotated[ServeConfig, Private()] = ServeConfig()
    """What this machine's serves with."""
    vectors: VectorsConfig = VectorsConfig()
    """Steering vectors from files."""
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
