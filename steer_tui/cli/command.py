"""The commands, their help, and what each way to end means to the shell."""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from steer_tui import __version__
from steer_tui.cli.options import (
    Flags,
    engine_options,
    hand_down,
    sampling_options,
    steering_options,
    utf8,
    vector_options,
)
from steer_tui.cli.replay_command import replay
from steer_tui.cli.serve_command import serve
from steer_tui.cli.telling import tell
from steer_tui.cli.vector_commands import vectors
from steer_tui.domain import BOTH_LANES, InvalidValue, Lane, RateLimited, SteerError

_LANES = {"steered": (Lane.STEERED,), "default": (Lane.DEFAULT,), "both": BOTH_LANES}

_COMPLETION_VARIABLE = "_STEER_TUI_COMPLETE"
"""The name that click's own completion scripts ask by."""

_EXAMPLES = """\b
Examples:
  steer-tui
  steer-tui --prompt "My best friend" --dial winter=4 --dial angry=-3
  steer-tui run --prompt "Once upon a time" --dial winter=6 --lane both
  steer-tui run --prompt "Once upon a time" --json | head
  steer-tui run --prompt "I am" --dial sea=5 --lane both --record run.jsonl
  steer-tui replay run.jsonl --speed 2
  steer-tui features sea
  steer-tui run --engine neuronpedia --prompt "I am" --lane both
    --dial gemma-2-2b/20-gemmascope-res-16k/3124=6
  steer-tui run --model google/gemma-2-2b --prompt "I am" --dial happy.gguf=4
  steer-tui --engine interp --url http://127.0.0.1:8000 --dial sae#123=6
  steer-tui vectors make --model google/gemma-2-2b --layer 14
    --positive happy.txt --negative sad.txt --out happy.gguf
  steer-tui serve --model google/gemma-2-2b
  steer-tui --url http://127.0.0.1:8765
  steer-tui doctor
  steer-tui sweep --feature winter --values=-10:10:2

\b
What no flag says comes from a variable (STEER_TUI_SAMPLING__SEED=3),
else from your config.toml, else from the commented default.

\b
Exit codes: 0 done, 1 the engine failed, 2 usage or config,
            4 rate limited, 130 interrupted.
"""


@click.group(invoke_without_command=True, epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@steering_options
@click.version_option(__version__, prog_name="steer-tui", message="%(prog)s %(version)s")
@click.pass_context
def steer_tui(context: click.Context, /, **flags: Any) -> None:
    """Turn dials that steer a language model, and watch what they do to its text.

    Without a command this opens the app. The flags count for the commands that have them too.
    """
    if context.invoked_subcommand is not None:
        hand_down(context)
        return
    import asyncio

    from steer_tui.cli.app import open_app, require_room, require_terminal
    from steer_tui.cli.settings import read_settings

    settings = read_settings(Flags(**flags))
    require_terminal()
    require_room()
    context.exit(asyncio.run(open_app(settings)))


@steer_tui.command()
@steering_options
@click.option("--lane", type=click.Choice(list(_LANES)), default="steered", show_default=True, help="Which text.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON, activations included.")
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the run into a new file as well, for `steer-tui replay`; one that is there is never written over.",
)
def run(lane: str, as_json: bool, record: Path | None, **flags: Any) -> None:
    """Stream one prompt's text to standard output, without the app."""
    import asyncio

    from steer_tui.cli.run import print_events, print_text
    from steer_tui.cli.settings import read_settings

    settings = read_settings(Flags(**flags))
    if settings.prompt is None:
        raise click.UsageError("`steer-tui run` needs --prompt TEXT.", click.get_current_context())
    asyncio.run((print_events if as_json else print_text)(settings, _LANES[lane], record))


@steer_tui.command()
@vector_options
@click.argument("query", callback=utf8, default="")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="The most features; without it, all of them, or one page of a service's search.",
)
@click.option(
    "--offset", type=click.IntRange(min=0), default=0, metavar="N", help="Pass over so many, to see what follows them."
)
@click.option("--json", "as_json", is_flag=True, help="Print each feature as a line of JSON, evidence included.")
def features(query: str, limit: int | None, offset: int, as_json: bool, **flags: Any) -> None:
    """List what the engine can steer by.

    With QUERY, only the features that fit it, best first; a service finds them by what is said of them, by
    MODEL/SOURCE/INDEX, or by the address of a feature's page, and a model of your own by FILE, FILE@LAYER, FOLDER or
    FOLDER#INDEX. Where QUERY is the whole name of one, the evidence for what its dial does follows: where it fires,
    and how many texts show it at each value.
    """
    import asyncio

    from steer_tui.cli.features import list_features, print_features
    from steer_tui.cli.listing import Wanted
    from steer_tui.cli.settings import read_settings

    settings = read_settings(Flags(**flags))
    asyncio.run((print_features if as_json else list_features)(settings, Wanted(query, offset, limit)))


@steer_tui.command()
@engine_options
@click.argument("name", metavar="[MODEL]", callback=utf8, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print each model as a line of JSON, sources included.")
def models(name: str | None, as_json: bool, **flags: Any) -> None:
    """List the models that a service has, and whether they can be steered.

    With MODEL, the sources of that one: the sets of features at its layers.
    """
    import asyncio

    from steer_tui.cli.models import list_models, print_models
    from steer_tui.cli.settings import read_settings

    settings = read_settings(Flags(**flags))
    asyncio.run((print_models if as_json else list_models)(settings, name))


@steer_tui.command()
@engine_options
@click.option("--json", "as_json", is_flag=True, help="Print each preset as a line of JSON.")
def presets(as_json: bool, **flags: Any) -> None:
    """List the presets of a service for its model: dials that somebody found worth keeping."""
    import asyncio

    from steer_tui.cli.presets import list_presets, print_presets
    from steer_tui.cli.settings import read_settings

    settings = read_settings(Flags(**flags))
    asyncio.run((print_presets if as_json else list_presets)(settings))


@steer_tui.command()
@engine_options
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON object.")
@click.pass_context
def doctor(context: click.Context, /, as_json: bool, **flags: Any) -> None:
    """Look at every engine, and tell what is wrong and what to do.

    Nothing is generated. It ends with 0 where the chosen engine works (the one marked *), and else with 1.
    """
    import asyncio

    from steer_tui.cli.doctor import examine, list_findings, print_findings

    findings = asyncio.run(examine(Flags(**flags)))
    (print_findings if as_json else list_findings)(findings)
    context.exit(findings.exit_code)


@steer_tui.command("sweep")
@click.option("--feature", callback=utf8, required=True, metavar="FEATURE", help="Its label or id.")
@click.option(
    "--values",
    default="-10:10:2",
    show_default=True,
    metavar="START:STOP:STEP",
    help="STOP is included; or a list such as -6,0,6.",
)
@click.option("--prompts", type=click.Path(path_type=Path), metavar="FILE", help="One prompt a line; - is the input.")
@click.option(
    "--samples", type=click.IntRange(min=1), default=2, show_default=True, metavar="N", help="Texts a prompt."
)
@sampling_options
@click.option("--json", "as_json", is_flag=True, help="Print each value as a line of JSON once it is known.")
@click.option("--csv", "as_csv", is_flag=True, help="Print each value as a line of CSV, under a header.")
def sweep_feature(
    feature: str, values: str, prompts: Path | None, samples: int, as_json: bool, as_csv: bool, **flags: Any
) -> None:
    """Measure what a dial does at many values.

    For the feature, and for a random direction of the same norm: how much of the concept is in the texts, how fluent
    they are, and how far from the unsteered ones. Without --prompt and --prompts it takes a few neutral openings;
    without --max-tokens, texts have 48 tokens. The second sample has the seed after --seed, and so on.
    """
    import asyncio

    from steer_tui.cli.output import Output
    from steer_tui.cli.settings import read_settings
    from steer_tui.cli.sweep import Wanted, parse_values, print_sweep, read_prompts
    from steer_tui.cli.sweep_reports import CsvRows, JsonRows, Table
    from steer_tui.generation.sweep import SWEPT_TOKENS

    context = click.get_current_context()
    if as_json and as_csv:
        raise click.UsageError("Give --json or --csv, not both.", context)
    if prompts is not None and flags["prompt"] is not None:
        raise click.UsageError("Give --prompt or --prompts, not both.", context)
    if flags["max_tokens"] is None:
        flags["max_tokens"] = SWEPT_TOKENS
    settings = read_settings(Flags(**flags))
    wanted = Wanted(feature, parse_values(values), read_prompts(prompts, settings.prompt), samples)
    report = (JsonRows if as_json else CsvRows if as_csv else Table)(Output())
    asyncio.run(print_sweep(settings, wanted, report))


steer_tui.add_command(replay)
steer_tui.add_command(serve)
steer_tui.add_command(vectors)


def main() -> NoReturn:
    """What the `steer-tui` command does."""
    instruction = os.environ.get(_COMPLETION_VARIABLE)
    if instruction:
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(steer_tui, {}, "steer-tui", _COMPLETION_VARIABLE, instruction))
    sys.exit(_exit_code(sys.argv[1:]))


def _exit_code(arguments: list[str]) -> int:
    # Not click's own `main`, which ends with 1 where a pipe is closed or the person interrupts.
    try:
        with steer_tui.make_context("steer-tui", arguments) as context:
            steer_tui.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        help_line = f" Try `{error.ctx.command_path} --help`." if error.ctx is not None else ""
        tell(f"{error.format_message()}{help_line}")
        return 2
    except InvalidValue as error:
        return _ended_by(error, str(error), 2)
    except RateLimited as error:
        return _ended_by(error, f"{error.message} {_when(error)}", 4)
    except SteerError as error:
        return _ended_by(error, f"{error.message} {error.hint}", 1)
    except KeyboardInterrupt:
        if sys.stderr is not None and sys.stderr.isatty():
            click.echo(err=True)  # the shell's prompt begins on a line of its own
        return 130
    except OSError as error:
        return _refused(error)
    return 0


def _ended_by(error: Exception, sentence: str, code: int) -> int:
    """Tell the sentence; where the error came from is for the log alone."""
    import logging

    logging.getLogger(__name__).debug("exit code %d", code, exc_info=error)
    tell(sentence)
    return code


def _when(error: RateLimited) -> str:
    from steer_tui.generation.delivery import FIRST_LIMIT_WAIT

    return f"Try again in {FIRST_LIMIT_WAIT if error.retry_after is None else error.retry_after:g} seconds."


def _refused(error: OSError) -> int:
    from steer_tui.cli.output import abandon_output

    abandon_output()
    if isinstance(error, BrokenPipeError):
        return 0
    tell(f"The operating system refused: {error.strerror or error}.")
    return 1
