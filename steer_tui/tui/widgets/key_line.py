"""The key line: which keys do something where the focus is."""

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Footer
from textual.widgets._footer import FooterKey


class KeyLine(Footer):
    """As many keys as there is room for, the most wanted ones first to get it, and none of them cut."""

    def __init__(self, wanted: Callable[[Widget | None], Sequence[str]]) -> None:
        """`wanted` gives the actions that matter most where the focus is; all others come after them."""
        super().__init__(compact=True)
        self._wanted = wanted

    def compose(self) -> ComposeResult:
        """The keys in the order of their bindings; the palette, where every other action is, always."""
        keys = [key for key in super().compose() if isinstance(key, FooterKey)]
        wanted = ("command_palette", *self._wanted(self.screen.focused))
        ranked = sorted(keys, key=lambda key: wanted.index(key.action) if key.action in wanted else len(wanted))
        room, shown = self.size.width + 1, set[FooterKey]()  # nothing follows the space behind the last key
        for key in ranked:
            if (width := cell_len(f"{key.key_display} {key.description} ")) <= room:
                room -= width
                shown.add(key)
        yield from (key for key in keys if key in shown)

    def on_resize(self) -> None:
        """Another width has room for other keys."""
        self.bindings_changed(self.screen)
