"""The pane in which a lane's text streams."""

from steer_tui.tui.widgets.output.noted import Note
from steer_tui.tui.widgets.output.pane import OutputPane
from steer_tui.tui.widgets.output.tokens import TokenKind

__all__ = ["Note", "OutputPane", "TokenKind"]
