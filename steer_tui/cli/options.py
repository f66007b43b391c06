"""The flags that commands share; what a flag leaves open comes from the config."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from steer_tui.domain import SEED_MAX, VALUE_MAX, VALUE_MIN, Method
from steer_tui.engines import ENGINE_NAMES

Command = TypeVar("Command", bound=Callable[..., Any])


def utf8(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse bytes that are no text before an engine has to read them."""
    for text in value if isinstance(value, tuple) else [value or ""]:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise click.BadParameter("it is not UTF-8 text.", context, parameter) from error
    return value


@dataclass(frozen=True, slots=True)
class Flags:
    """What was given on the command line; None where nothing was."""

    engine: str | None = None
    model: str | None = None
    url: str | None = None
    chat: bool | None = None
    config: Path | None = None
    log: Path | None = None
    prompt: str | None = None
    dials: tuple[str, ...] = ()
    seed: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    raw: bool = False
    method: str | None = None
    layer: int | None = None
    canary: bool | None = None


_ENGINE_OPTIONS = (
    click.option("--engine", type=click.Choice(ENGINE_NAMES), help="What generates."),
    click.option(
        "--model",
        callback=utf8,
        metavar="MODEL",
        help="The model that the engine steers, as it names it; without --engine a folder, or an id at the Hugging "
        "Face hub, which steer-tui serves itself.",
    ),
    click.option(
        "--url",
        callback=utf8,
        metavar="URL",
        help="Where the engine is; without --engine a gateway, which is another machine's `steer-tui serve`. "
        "A key goes only to the address that the config names, or where it names none, here.",
    ),
    click.option("--chat/--no-chat", default=None, help="The prompt is a message to a chat model, or plain text."),
    click.option(
        "--config", type=click.Path(path_type=Path), metavar="FILE", help="Read this config.toml instead of your own."
    ),
    click.option(
        "--log", type=click.Path(path_type=Path), metavar="FILE", help="Write a log for debugging; without it, none."
    ),
)

_PROMPT = click.option("--prompt", callback=utf8, metavar="TEXT", help="What the model goes on from.")

_DIAL = click.option(
    "--dial",
    "dials",
    callback=utf8,
    metavar="FEATURE=VALUE",
    multiple=True,
    help="Turn a feature (its label, its id such as gemma-2-2b/20-gemmascope-res-16k/3124, the address of its page; "
    "on a model of your own the FILE of a steering vector, FILE@LAYER, or FOLDER#INDEX for an SAE's feature), "
    f"{VALUE_MIN:+g} to {VALUE_MAX:+g}; may be given more than once. "
    "Without it: those of the config, else none in `run` and the engine's first four in the app.",
)

_RAW = click.option(
    "--raw", is_flag=True, help="The values of --dial are raw strengths (coefficients), of any size, and no notches."
)

_METHOD = click.option(
    "--method",
    type=click.Choice([method.value for method in Method]),
    help="How the dials act: by addition (without this flag), or another way that the engine has.",
)

_VECTOR_OPTIONS = (
    click.option(
        "--layer",
        type=click.IntRange(min=-1),
        metavar="N",
        help="The layer whose output a vector is added to, counted from 0 (-1: the embedding), where its file does "
        "not say, or the one to take where it has several; a file that names one keeps it. FILE@LAYER is for one file.",
    ),
    click.option(
        "--canary/--no-canary",
        default=None,
        help="Whether to try out first, on a few tokens, that steering changes the text.",
    ),
)
"""The flags for engines that steer by files."""

_SAMPLING_OPTIONS = (
    click.option("--seed", type=int, metavar="N", help=f"0 to {SEED_MAX}; the same seed gives the same text."),
    click.option("--max-tokens", type=int, metavar="N", help="The most tokens that one text may have."),
    click.option("--temperature", type=float, metavar="T", help="0 takes the likeliest token."),
    click.option(
        "--stop", callback=utf8, metavar="TEXT", multiple=True, help="End at this text; may be given more than once."
    ),
)


def engine_options(command: Command) -> Command:
    """The flags of every command."""
    return _with(_ENGINE_OPTIONS, command)


def vector_options(command: Command) -> Command:
    """The flags of every command that asks an engine for features by name."""
    return engine_options(_with(_VECTOR_OPTIONS, command))


def steering_options(command: Command) -> Command:
    """The flags of every command that generates with the dials that are given."""
    return vector_options(_with((_PROMPT, _DIAL, _RAW, _METHOD, *_SAMPLING_OPTIONS), command))


def sampling_options(command: Command) -> Command:
    """The flags of every command that generates with dials of its own."""
    return vector_options(_with((_PROMPT, _METHOD, *_SAMPLING_OPTIONS), command))


def _with(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def hand_down(context: click.Context) -> None:
    """Let flags that stand before a subcommand's name count for it, as if they stood behind it.

    Raises UsageError for one that the subcommand does not have.
    """
    given = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    called = str(context.invoked_subcommand)
    assert isinstance(context.command, click.Group), "only a group has subcommands"
    command = context.command.get_command(context, called)
    assert command is not None, "a command that does not exist is refused before"
    known = {parameter.name for parameter in command.params}
    for parameter in context.command.params:
        if parameter.name in given and parameter.name not in known:
            raise click.UsageError(f"`{context.command_path} {called}` has no {parameter.opts[0]}.", context)
    context.default_map = {called: given}
