"""An input line whose content is drawn safely."""

from rich.text import Text
from textual.widgets import Input

from steer_tui.domain import safe_line


class SafeInput(Input):
    """An `Input` that draws control characters, which can be pasted into it, as visible symbols."""

    @property
    def _value(self) -> Text:
        return Text(safe_line(self.value), no_wrap=True, overflow="ignore", end="")
