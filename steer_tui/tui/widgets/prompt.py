"""The prompt: a text area in which Enter generates."""

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from steer_tui.domain import safe_text


class PromptBox(TextArea):
    """The text that the model continues; control characters stay in it, and are only drawn as symbols."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Priority, since a text area would take Enter for itself.
        Binding("enter", "submit", "generate", id="prompt.generate", key_display="⏎", priority=True),
        Binding("ctrl+j,shift+enter", "new_line", "new line", id="prompt.new-line", key_display="^j", priority=True),
        Binding("tab", "screen.focus_next", "dials"),
    ]

    class Submitted(Message):
        """The person wants the prompt continued."""

    def __init__(self, text: str, *, id: str | None = None) -> None:
        super().__init__(text, id=id, soft_wrap=True, show_line_numbers=False, highlight_cursor_line=False)
        self.border_title = "Prompt"

    def on_mount(self) -> None:
        """Select what stands there, so that typing replaces it."""
        self.select_all()

    def get_line(self, line_index: int) -> Text:
        """One line as it is drawn: control characters as visible symbols, behind which the cursor stands off a cell."""
        return Text(safe_text(self.document.get_line(line_index)), end="", no_wrap=True)

    def action_submit(self) -> None:
        """Ask for the text to be continued."""
        self.post_message(self.Submitted())

    def action_new_line(self) -> None:
        """Begin a new line, which Enter does elsewhere."""
        self.insert("\n")
