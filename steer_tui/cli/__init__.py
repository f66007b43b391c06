"""The command line: `steer-tui` opens the app, `steer-tui run` and `steer-tui features` do without it."""

from steer_tui.cli.command import main

__all__ = ["main"]
