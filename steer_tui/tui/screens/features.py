"""The features screen: find a feature as you type, see the evidence for what its dial does, and put a dial on it."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input, OptionList
from textual.widgets.option_list import Option

from steer_tui.domain import Feature, FeatureKind, SteerError, safe_line
from steer_tui.engines import Engine, Explains
from steer_tui.tui.screens.main import WIDE
from steer_tui.tui.widgets.feature_details import Explanation, FeatureDetails, density_text
from steer_tui.tui.widgets.safe_input import SafeInput

PAGE = 200
"""How many features are listed at most."""

LABEL_WIDTH = 20
"""Cells that a label has in the list."""

REST = 0.08
"""Seconds that the highlight rests on a feature before the engine is asked: holding a key down asks for nothing."""

_KINDS = {FeatureKind.SAE: "SAE", FeatureKind.MEANS: "means", FeatureKind.RANDOM: "random"}
"""Kinds in a word."""


class FeaturesScreen(Screen[Feature | None]):
    """Lists what the engine finds for the typed words; closes with the feature that is to have a dial, or None."""

    HORIZONTAL_BREAKPOINTS = [(0, "-folded"), (WIDE, "-wide")]
    AUTO_FOCUS = "Input"

    BINDINGS: ClassVar[list[BindingType]] = [
        # Priority, so that the focus may stay with the words.
        Binding("up", "move(-1)", "feature", key_display="↑↓", priority=True),
        Binding("down", "move(1)", "next feature", show=False, priority=True),
        Binding("pagedown", "turn_page(1)", "details", key_display="pgdn", priority=True),
        Binding("pageup", "turn_page(-1)", "details", show=False, priority=True),
        Binding("enter", "take", "add dial", key_display="⏎", priority=True),
        Binding("a", "take", "add dial", show=False),
        Binding("escape", "dismiss", "close"),
    ]

    def __init__(self, engine: Engine, dialled: Sequence[Feature], start: Feature | None) -> None:
        """`dialled` are the features in the rack, `start` the one that the highlight begins on, in the list or not."""
        super().__init__()
        self._engine = engine
        self._dialled = [feature.id for feature in dialled]
        self._start = start
        self._found: Sequence[Feature] = ()

    def compose(self) -> ComposeResult:
        """The words and what they find, and the details beside or below."""
        with Vertical(id="found") as found:
            found.border_title = "Features"
            yield SafeInput(placeholder="filter: a topic, a promoted word, an id")
            yield OptionList()
        with VerticalScroll(id="details", can_focus=False) as details:
            details.border_title = "Evidence"
            yield FeatureDetails()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """List everything at first."""
        self._search("")

    # The list

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search anew; a newer query cancels the older one."""
        self._search(event.value)

    def _search(self, query: str) -> None:
        self._found = ()  # Enter must not take what an older query has found
        self.run_worker(self._find(query), group="find", exclusive=True, exit_on_error=False)

    async def _find(self, query: str) -> None:
        options = self.query_one(OptionList)
        try:
            found = await self._engine.find_features(query, PAGE)
            self._found = found if query else self._with_start(found)
            sentence = "Nothing fits these words; fewer letters find more."
        except SteerError as error:
            sentence = f"{safe_line(error.message)} {safe_line(error.hint)}"
        if self._found:
            options.set_options([Option(self._line(feature)) for feature in self._found])
            options.highlighted = 0 if query else self._first()
        else:
            options.set_options([Option(Content.styled(sentence, "dim"), disabled=True)])
        self._explain()

    def _with_start(self, found: Sequence[Feature]) -> Sequence[Feature]:
        if self._start is None or any(feature.id == self._start.id for feature in found):
            return found
        return [self._start, *found]

    def _first(self) -> int:
        """Where the highlight begins: the feature that was asked for, else the first without a dial."""
        ids = [feature.id for feature in self._found]
        if self._start is not None:
            return ids.index(self._start.id)
        return next((index for index, id in enumerate(ids) if id not in self._dialled), 0)

    def _line(self, feature: Feature) -> Content:
        mark = "● " if feature.id in self._dialled else "  "
        label = safe_line(feature.label)
        if cell_len(label) > LABEL_WIDTH:
            label = set_cell_size(label, LABEL_WIDTH - 1) + "…"
        kind = _KINDS.get(feature.kind, feature.kind.value)
        facts = f" {kind:<6}{density_text(feature.density):>7}"
        return Content(mark) + Content.styled(set_cell_size(label, LABEL_WIDTH), "bold") + Content.styled(facts, "dim")

    @property
    def _highlighted(self) -> Feature | None:
        index = self.query_one(OptionList).highlighted
        return self._found[index] if index is not None and index < len(self._found) else None

    def action_move(self, direction: int) -> None:
        """Move the highlight."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if direction > 0 else options.action_cursor_up()

    # The details

    def on_option_list_option_highlighted(self) -> None:
        """Show what is known of the feature that the highlight is on now."""
        self._explain()

    def _explain(self) -> None:
        feature, details = self._highlighted, self.query_one(FeatureDetails)
        if feature is not None and details.explanation is not None and details.explanation.feature == feature:
            return
        # The worker of the feature before must not show its evidence here.
        self.workers.cancel_group(self, "evidence")
        details.explanation = None
        self.query_one("#details").scroll_home(animate=False)
        if feature is not None:
            self.run_worker(self._show(feature, details), group="evidence", exclusive=True, exit_on_error=False)

    async def _show(self, feature: Feature, details: FeatureDetails) -> None:
        place = self._dialled.index(feature.id) if feature.id in self._dialled else len(self._dialled)
        if not isinstance(self._engine, Explains):
            details.explanation = Explanation(feature, place, note="This engine tells no more of its features.")
            return
        details.explanation = Explanation(feature, place, note="Looking for its evidence …")
        await asyncio.sleep(REST)
        try:
            evidence = await self._engine.evidence(feature)
            note = "" if evidence.contexts or evidence.curve else "No more is known of this feature."
            details.explanation = Explanation(feature, place, evidence, note)
        except SteerError as error:
            details.explanation = Explanation(feature, place, note=f"{error.message} {error.hint}")

    def action_turn_page(self, direction: int) -> None:
        """Scroll the details."""
        details = self.query_one("#details", VerticalScroll)
        details.scroll_page_down() if direction > 0 else details.scroll_page_up()

    # The end

    def action_take(self) -> None:
        """Close with the highlighted feature."""
        if self._highlighted is not None:
            self.dismiss(self._highlighted)

    def on_click(self, event: events.Click) -> None:
        """Take what is clicked twice; one click highlights it."""
        if event.chain == 2 and isinstance(event.widget, OptionList) and "option" in event.style.meta:
            self.action_take()
