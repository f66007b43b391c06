"""The pane in which a lane's text streams."""

from steer_tui.tui.widgets.output.noted import Note
from steer_tui.tui.widgets.output.pane import OutputPane

__all__ = ["Note", "OutputPane"]
