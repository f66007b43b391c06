"""A screen of the app with nothing below it: it opens in a fifth of the time, and what it gives back is kept."""

from pathlib import Path
from typing import Any

from textual.app import App
from textual.screen import Screen

import steer_tui.tui


class Alone(App[None]):
    """Shows the screen that it is given, drawn as in the app."""

    CSS_PATH = Path(steer_tui.tui.__path__[0], "app.tcss")

    def __init__(self, shown: Screen[Any]) -> None:
        super().__init__()
        self.shown = shown
        self.given_back: list[Any] = []
        """What the screen closed with, once it has closed."""

    def on_mount(self) -> None:
        self.push_screen(self.shown, self.given_back.append)
