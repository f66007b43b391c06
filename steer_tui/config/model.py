"""Every setting there is, with its default and what is allowed; config.toml at the root says the same in prose."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from steer_tui.domain import SEED_MAX, Sampling


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a key may hold, in words that complete "temperature must be …"."""

    words: str


Text = Annotated[str, Allowed("a text in quotes")]
# TOML has lists where a frozen model holds tuples, so these alone are not strict.
Texts = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    Field(strict=False),
    Allowed('a list of texts that are not empty, such as ["a", "b"]'),
]
Milliseconds = Annotated[int, Field(ge=0), Allowed("a whole number of milliseconds, 0 or more")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False), Allowed("a number of seconds, or 0 for no limit")]

_SAMPLING = Sampling()


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


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
    live: Annotated[bool, Allowed("true or false")] = False
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
