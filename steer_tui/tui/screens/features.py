"""The features screen: find a feature as you type, see the evidence for what its dial does, and put a dial on it."""

import asyncio
import textwrap
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rich.cells import set_cell_size
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from steer_tui.domain import Feature, FeatureKind, SteerError, safe_line
from steer_tui.engines import Engine, Explains
from steer_tui.engines.registry import FILE_ENGINES
from steer_tui.engines.services import FeaturePage, Loads, Searches
from steer_tui.generation.delivery import Clock, Sleep
from steer_tui.generation.patience import patience
from steer_tui.tui.screens.faults import TellsFaults
from steer_tui.tui.screens.finding import age_words, find_page
from steer_tui.tui.sizes import WIDE
from steer_tui.tui.widgets.feature_details import Explanation, FeatureDetails, density_text
from steer_tui.tui.widgets.key_line import KeyLine
from steer_tui.tui.widgets.loading import elapsed_face
from steer_tui.tui.widgets.safe_input import SafeInput
from steer_tui.tui.wording import FILE_NAMING, error_words, shortened

LABEL_WIDTH = 20
"""Cells that a label has in the list."""

REST = 0.08
"""Seconds that the highlight rests on a feature before the engine is asked: holding a key down asks for nothing."""

DEBOUNCE = 0.4
"""The same, and the seconds that typing rests before a search, where a service is asked."""

LOADING_LOOK = 0.5
"""Seconds between two looks at how far a server is that loads."""

MORE = "more"
"""The id of the row that loads the next page."""

_KINDS = {FeatureKind.SAE: "SAE", FeatureKind.MEANS: "means", FeatureKind.RANDOM: "random"}
"""Kinds in a word."""


class FeaturesScreen(TellsFaults, Screen[Feature | None]):
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

    def __init__(
        self,
        engine: Engine,
        dialled: Sequence[Feature],
        start: Feature | None,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`dialled` are the features in the rack, `start` the one that the highlight begins on, in the list or not."""
        super().__init__()
        self._engine, self._clock, self._sleep = engine, clock, sleep
        self._dialled = [feature.id for feature in dialled]
        self._start = start
        self._searches = isinstance(engine, Searches)
        self._reads_files = engine.info.name in FILE_ENGINES
        self._looks_far = self._searches or self._reads_files
        """Whether a query is answered by a service or from disk, so that not every letter asks."""
        self._found = FeaturePage(())
        self._can_ask = False
        """Whether Enter asks something: what is still being typed, what has failed, or for the next page."""

    def compose(self) -> ComposeResult:
        """The words and what they find, and the details beside or below."""
        with Vertical(id="found") as found:
            found.border_title = "Features"
            yield SafeInput(placeholder=self._invitation)
            yield OptionList()
        with VerticalScroll(id="details", can_focus=False) as details:
            details.border_title = "Evidence"
            yield FeatureDetails()
        yield KeyLine()

    @property
    def _invitation(self) -> str:
        if self._searches:
            return "search: what it is about, an id, an address"
        return "a file, FOLDER#INDEX, or a word" if self._reads_files else "filter: a topic, a promoted word, an id"

    def on_mount(self) -> None:
        """List everything at first."""
        self._search("", 0.0)
        if isinstance(self._engine, Loads):
            self.set_interval(LOADING_LOOK, self._tell_loading)

    # The list

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search anew, where a service is asked once the typing rests; a newer query cancels the older one."""
        self._search(event.value, DEBOUNCE if self._looks_far else 0.0)

    def _search(self, query: str, wait: float) -> None:
        self._found = FeaturePage(())  # Enter must not take what an older query has found
        self._can_ask = wait > 0
        if self._looks_far:
            self._tell_state("searching …")
        self._find(query, wait)

    @work(group="find", exclusive=True, exit_on_error=False)
    async def _find(self, query: str, wait: float) -> None:
        if wait:
            await self._sleep(wait)
            self._can_ask = False
        sentence = self._nothing_found(query)
        self._tell_loading()
        try:
            page = await find_page(self._engine, query)
            self._found = page if query else replace(page, features=tuple(self._with_start(page.features)))
            self._can_ask = self._found.next_offset is not None
        except SteerError as error:
            sentence, self._can_ask = error_words(error), True
        if self._found.features:
            options = self.query_one(OptionList)
            options.styles.text_wrap = "nowrap"
            options.set_options([*map(self._row, self._found.features), *self._more_rows("more: ⏎")])
            options.highlighted = 0 if query else self._first()
        else:
            self._list_nothing(sentence)
        self._tell_state()
        self._explain()

    def _tell_loading(self) -> None:
        """While a query waits for the server, say how far that is."""
        loading = self._engine.loading if isinstance(self._engine, Loads) else None
        waits = any(worker.group == "find" and not worker.is_finished for worker in self.workers)
        if loading is not None and waits and not self._found.features:
            face = elapsed_face(self._clock() - loading.began)
            self._list_nothing(f"loading {face}: {loading.stage}. What it finds comes then.")

    def _nothing_found(self, query: str) -> str:
        if not query and self._searches:
            return "Type what a feature is about, its id model/source/index, or the address of its page."
        naming = f"Type {FILE_NAMING}." if self._reads_files else ""
        if not query:
            return naming or "Nothing is listed here: type what a feature is called."
        found_by = "other words" if self._searches else "fewer letters"
        return f"Nothing fits these words; {found_by} find more. {naming}".rstrip()

    def _list_nothing(self, sentence: str) -> None:
        options = self.query_one(OptionList)
        options.styles.text_wrap = "wrap"
        options.set_options([Option(Content.styled(sentence, "dim"), disabled=True)])

    def tell_fault(self, group: str, sentence: str) -> None:
        """Say it where the evidence or the list would stand; Enter asks for the list once more."""
        details = self.query_one(FeatureDetails)
        if group == "evidence" and details.explanation is not None:
            details.explanation = replace(details.explanation, note=sentence)
        elif group == "find":
            self._found, self._can_ask = FeaturePage(()), True
            self._list_nothing(sentence)
            self._tell_state()
            self._explain()

    def _more_rows(self, words: str) -> Sequence[Option]:
        if self._found.next_offset is None:
            return ()
        width = self.query_one(OptionList).scrollable_content_region.width - 2
        return (Option(Content.styled(textwrap.fill(words, max(width, LABEL_WIDTH)), "dim"), id=MORE),)

    @work(group="find", exclusive=True, exit_on_error=False)
    async def _find_more(self, offset: int) -> None:
        options, before = self.query_one(OptionList), self._found
        words, end = "more: ⏎", len(before.features)
        options.replace_option_prompt(MORE, Content.styled("loading more …", "dim"))
        try:
            page = await find_page(self._engine, self.query_one(Input).value, offset)
            self._found = before.joined(page)
        except SteerError as error:
            words = f"{error_words(error)} ⏎ asks again."
        was_at_end = options.highlighted == end
        options.remove_option(MORE)
        options.add_options([*map(self._row, self._found.features[end:]), *self._more_rows(words)])
        if was_at_end:
            options.highlighted = min(end, options.option_count - 1)
        self._can_ask = self._found.next_offset is not None
        self._tell_state()
        self._explain()

    def _tell_state(self, words: str = "") -> None:
        """Say at the foot of the list what is being done, else how old its answer is."""
        age = self._found.age_seconds
        self.query_one("#found").border_subtitle = words or ("" if age is None else age_words(age))

    def _with_start(self, found: Sequence[Feature]) -> Sequence[Feature]:
        if self._start is None or any(feature.id == self._start.id for feature in found):
            return found
        return [self._start, *found]

    def _first(self) -> int:
        """Where the highlight begins: the feature that was asked for, else the first without a dial."""
        ids = [feature.id for feature in self._found.features]
        if self._start is not None:
            return ids.index(self._start.id)
        return next((index for index, id in enumerate(ids) if id not in self._dialled), 0)

    def _row(self, feature: Feature) -> Option:
        mark = "● " if feature.id in self._dialled else "  "
        density = density_text(feature.density)
        if self._searches:  # labels are whole sentences: whatever room there is
            column = 8 if any(found.density is not None for found in self._found.features) else 0
            facts = Content.styled(f"{density} ".rjust(column)[:column], "dim")
            return Option(Content(mark) + facts + Content.styled(safe_line(feature.label), "bold"))
        label = set_cell_size(shortened(feature.label, LABEL_WIDTH), LABEL_WIDTH)
        facts = Content.styled(f" {_KINDS.get(feature.kind, feature.kind.value):<6}{density:>7}", "dim")
        return Option(Content(mark) + Content.styled(label, "bold") + facts)

    @property
    def _highlighted(self) -> Feature | None:
        index, found = self.query_one(OptionList).highlighted, self._found.features
        return found[index] if index is not None and index < len(found) else None

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
            self._show(feature, details)

    @work(group="evidence", exclusive=True, exit_on_error=False)
    async def _show(self, feature: Feature, details: FeatureDetails) -> None:
        place = self._dialled.index(feature.id) if feature.id in self._dialled else len(self._dialled)
        if not isinstance(self._engine, Explains):
            details.explanation = Explanation(feature, place, note="This engine tells no more of its features.")
            return
        details.explanation = Explanation(feature, place, note="Looking for its evidence …")
        await self._sleep(DEBOUNCE if self._searches else REST)
        try:
            async with patience(engine=self._engine):
                evidence = await self._engine.evidence(feature)
            note = "" if evidence.contexts or evidence.curve else "No more is known of this feature."
            details.explanation = Explanation(feature, place, evidence, note)
        except SteerError as error:
            details.explanation = Explanation(feature, place, note=error_words(error))

    def action_turn_page(self, direction: int) -> None:
        """Scroll the details."""
        details = self.query_one("#details", VerticalScroll)
        details.scroll_page_down() if direction > 0 else details.scroll_page_up()

    # The end

    def action_take(self) -> None:
        """Close with the highlighted feature, load the next page, or ask at once what was typed."""
        feature, offset = self._highlighted, self._found.next_offset
        if feature is not None:
            self.dismiss(feature)
        elif self._can_ask and offset is not None:
            self._can_ask = False
            self._find_more(offset)
        elif self._can_ask:
            self._search(self.query_one(Input).value, 0.0)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """One click on the last row loads the next page."""
        if event.option.id == MORE:
            self.action_take()

    def on_click(self, event: events.Click) -> None:
        """Take what is clicked twice; one click highlights it."""
        if event.chain == 2 and isinstance(event.widget, OptionList) and "option" in event.style.meta:
            self.action_take()
