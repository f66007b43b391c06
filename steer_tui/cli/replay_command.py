"""The command that plays a recording."""

import math
from pathlib import Path

import click

from steer_tui.cli.options import Flags


def _finite(context: click.Context, parameter: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter("it is a number such as 2 or 0.5.", context, parameter)
    return value


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    callback=_finite,
    default=1.0,
    show_default=True,
    metavar="X",
    help="How many times as fast as it was; 0 waits for nothing.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON, without the app.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Theme and keys from this config.toml.")
@click.option("--log", type=click.Path(path_type=Path), metavar="FILE", help="Write a log for debugging.")
def replay(file: Path, speed: float, as_json: bool, config: Path | None, log: Path | None) -> None:
    """Play a recording, which `steer-tui run --record FILE` has written.

    In a terminal it plays in the app, as it looked then; elsewhere its text goes to standard output. It needs no
    engine, no key and no network. It ends as the run has ended: with 1 where the engine failed, with 4 where it was
    rate limited.
    """
    import asyncio

    from steer_tui.cli.replay import has_terminal, open_replay, print_events, print_text, read_file
    from steer_tui.cli.settings import read_config

    loaded = read_config(Flags(config=config, log=log))
    recording = read_file(file)
    if as_json or not has_terminal():
        asyncio.run((print_events if as_json else print_text)(recording, speed))
    else:
        click.get_current_context().exit(asyncio.run(open_replay(recording, speed, loaded)))
