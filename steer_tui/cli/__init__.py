"""The command line: `steer-tui` alone opens the app, and its commands do without it."""

from steer_tui.cli.command import main

__all__ = ["main"]
