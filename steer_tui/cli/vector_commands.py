"""`steer-tui vectors`: the commands that make steering vectors and tell what files hold."""

from pathlib import Path
from typing import Any

import click

from steer_tui.cli.options import Flags, engine_options

_FILE = click.Path(path_type=Path)


@click.group(invoke_without_command=True)
@click.pass_context
def vectors(context: click.Context, /) -> None:
    """Make steering vectors, and see what is in files of them."""
    if context.invoked_subcommand is None:
        raise click.UsageError("`steer-tui vectors` needs a command: make or show.", context)


@vectors.command()
@click.option(
    "--positive", type=_FILE, required=True, metavar="FILE", help="Texts of one kind, one a line; - is the input."
)
@click.option(
    "--negative", type=_FILE, required=True, metavar="FILE", help="Texts of the other kind, from which it leads away."
)
@click.option(
    "--layer",
    "layers",
    type=click.IntRange(min=0),
    required=True,
    multiple=True,
    metavar="N",
    help="The block, from 0, whose output is taken; may be given more than once.",
)
@click.option(
    "--out",
    type=_FILE,
    required=True,
    metavar="FILE",
    help="Where it goes: a new .gguf or .safetensors file; one that is there is never written over.",
)
@click.option(
    "--position",
    type=click.Choice(["last", "mean"]),
    default="last",
    show_default=True,
    help="The last token of each text, or the mean of all but the first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each layer as a line of JSON.")
@engine_options
def make(
    positive: Path,
    negative: Path,
    layers: tuple[int, ...],
    out: Path,
    position: str,
    as_json: bool,
    **flags: Any,
) -> None:
    """Make a vector from two lists of texts.

    It is the difference of the means of the model's residual stream (CAA, arXiv 2312.06681), and leads from the
    negative texts to the positive ones. The lists may be of different lengths. It needs interp-engine: --model MODEL
    starts it, --engine interp --url URL uses one that runs. With --chat each text is a message to the model.
    """
    import asyncio

    from steer_tui.cli.settings import read_settings
    from steer_tui.cli.vector_making import list_made, print_made, read_wanted
    from steer_tui.engines.directions.means import Position

    wanted = read_wanted(positive, negative, layers, out, Position(position))
    settings = read_settings(Flags(**flags))
    asyncio.run((print_made if as_json else list_made)(settings, wanted))


@vectors.command()
@click.argument("path", type=_FILE, metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON object.")
def show(path: Path, as_json: bool) -> None:
    """Tell what a file of vectors, or the folder of an SAE, holds.

    It needs neither an engine nor a network.
    """
    from steer_tui.cli.vector_showing import list_contents, print_contents

    (print_contents if as_json else list_contents)(path)
