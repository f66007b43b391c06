"""What becomes public, told before anything does."""

from textual.content import Content
from textual.widgets import Static

from steer_tui.domain import safe_line


class PublicationNote(Static):
    """A sentence that stays until the first generation begins, or until it is clicked away."""

    def __init__(self, sentence: str, key: str) -> None:
        super().__init__(Content(safe_line(sentence)) + Content.styled(f"  {key} hides this", "dim"))

    def on_click(self) -> None:
        """It was read."""
        self.display = False
