"""One line to a person, on standard error."""

import click

from steer_tui.domain import safe_line


def tell(sentence: str) -> None:
    """Say what happened and what to do next; names and servers' words in it cannot act on the terminal."""
    click.echo(f"steer-tui: {safe_line(sentence)}", err=True)
