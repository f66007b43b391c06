"""The picker: find a feature as you type, and put a dial on it."""

from collections.abc import Collection, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from steer_tui.domain import Feature, SteerError, safe_line
from steer_tui.engines import Engine
from steer_tui.tui.widgets.safe_input import SafeInput

PAGE = 200
"""How many features are listed at most."""


class PickerScreen(ModalScreen[Feature | None]):
    """Lists what the engine finds for the typed words; closes with the feature that was picked, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close"),
        Binding("down", "move(1)", "next", show=False, priority=True),
        Binding("up", "move(-1)", "previous", show=False, priority=True),
        Binding("enter", "pick", "add", priority=True),
    ]

    def __init__(self, engine: Engine, taken: Collection[str]) -> None:
        super().__init__()
        self._engine = engine
        self._taken = taken
        self._found: Sequence[Feature] = ()

    def compose(self) -> ComposeResult:
        """The words at the top, what they find below."""
        with Vertical(id="picker") as box:
            box.border_title = "Add a feature"
            box.border_subtitle = "↑↓ choose · ⏎ add · esc close"
            yield SafeInput(placeholder="type to filter: a topic, a word it promotes, an id")
            yield OptionList()

    def on_mount(self) -> None:
        """List everything at first."""
        self._search("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search anew; a newer query cancels the older one."""
        self._search(event.value)

    def _search(self, query: str) -> None:
        self._found = ()  # Enter must not add what an older query has found
        self.run_worker(self._find(query), group="find", exclusive=True, exit_on_error=False)

    async def _find(self, query: str) -> None:
        options = self.query_one(OptionList)
        try:
            self._found = await self._engine.find_features(query, PAGE)
        except SteerError as error:
            self._found = ()
            options.set_options([Option(Content(f"{safe_line(error.message)} {safe_line(error.hint)}"), disabled=True)])
            return
        if not self._found:
            sentence = "Nothing fits these words; fewer letters find more."
            options.set_options([Option(Content.styled(sentence, "dim"), disabled=True)])
            return
        lines = [Option(self._line(feature), disabled=feature.id in self._taken) for feature in self._found]
        options.set_options(lines)
        options.highlighted = next((i for i, f in enumerate(self._found) if f.id not in self._taken), None)

    def _line(self, feature: Feature) -> Content:
        words = ", ".join(safe_line(token.strip()) for token in feature.promoted[:5] if token.strip())
        label = Content.styled(f"{safe_line(feature.label):<16} ", "bold")
        note = "has a dial" if feature.id in self._taken else words
        return label + Content.styled(note, "dim")

    def action_move(self, direction: int) -> None:
        """Move the highlight while the focus stays with the words."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if direction > 0 else options.action_cursor_up()

    def action_pick(self) -> None:
        """Close with the highlighted feature."""
        index = self.query_one(OptionList).highlighted
        if index is not None and index < len(self._found) and self._found[index].id not in self._taken:
            self.dismiss(self._found[index])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with the feature that was clicked."""
        if event.option_index < len(self._found):
            self.dismiss(self._found[event.option_index])
