"""What the engine has found out about itself, and the person has to know before believing what is shown."""

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from steer_tui.domain import safe_line
from steer_tui.tui.sizes import TALL

LINES_SHORT, LINES_TALL = 3, 6
"""The most lines that it takes from the texts, where there are few lines and where there are many."""


class WarningNote(Widget):
    """A sentence that stays until it is closed, and comes back when there is another or it is found out once more."""

    sentence: reactive[str | None] = reactive(None, layout=True)
    """What is told, or was told last."""

    class Closed(Message):
        """The person has read it."""

    def __init__(self, key: str) -> None:
        """`key` closes it."""
        super().__init__()
        self._key = key
        self._told: str | None = None
        self.display = False

    def tell(self, sentence: str | None) -> None:
        """Show a sentence that was not told yet, and none where there is none."""
        if sentence != self._told:
            self._told = sentence
            self.display = sentence is not None
            self.sentence = sentence

    def forget(self) -> None:
        """The engine has looked anew: what it finds is told also where it was told before."""
        self._told = None

    def close(self) -> None:
        """It was read."""
        self.display = False

    def render(self) -> Content:
        """The sentence, as much of it as there are lines for, and the key."""
        return Content("\n").join(self._lines(self.size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """What `render` will draw at a width."""
        return len(self._lines(width))

    def _lines(self, width: int) -> Sequence[Content]:
        words = f"! {safe_line(self.sentence or '')}".split(" ")
        hint = Content.styled(f"  {self._key} hides this", "dim")
        most = LINES_TALL if self.app.size.height >= TALL else LINES_SHORT
        lines = (Content.styled(" ".join(words), "bold $text-accent") + hint).wrap(max(1, width))
        while len(lines) > most and len(words) > 1:
            words.pop()
            lines = (Content.styled(f"{' '.join(words)} …", "bold $text-accent") + hint).wrap(max(1, width))
        return lines

    def on_click(self) -> None:
        """Close it."""
        self.close()
        self.post_message(self.Closed())
