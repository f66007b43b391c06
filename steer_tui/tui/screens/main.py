"""The main screen: prompt, dials, and the two texts side by side."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static, TextArea

from steer_tui.domain import (
    Lane,
    Sampling,
    SteerError,
    safe_line,
    safe_text,
)
from steer_tui.engines import Engine, EngineInfo, PromptWindow, Quota
from steer_tui.engines.services import Publishes
from steer_tui.generation import Controller, Deadlines, Phase, RateLimited, Retrying
from steer_tui.generation.delivery import Sleep
from steer_tui.tui.keys import key_of
from steer_tui.tui.screens.dialling import DiallingScreen
from steer_tui.tui.screens.lane_view import LaneView
from steer_tui.tui.screens.loading import LoadingScreen
from steer_tui.tui.screens.services import FindDials
from steer_tui.tui.sizes import LEAST, TALL, WIDE
from steer_tui.tui.widgets.bottom import Bottom
from steer_tui.tui.widgets.dial_note import DialNote
from steer_tui.tui.widgets.key_line import KeyLine
from steer_tui.tui.widgets.lane_tabs import LANE_TITLES, LaneTabs
from steer_tui.tui.widgets.masthead import Masthead
from steer_tui.tui.widgets.notices import Countdown
from steer_tui.tui.widgets.output import OutputPane
from steer_tui.tui.widgets.prompt import PromptBox
from steer_tui.tui.widgets.publication import PublicationNote
from steer_tui.tui.widgets.rack import DialRack
from steer_tui.tui.widgets.status import AutoSwitch, LiveSwitch, StatusFigures
from steer_tui.tui.widgets.warning import WarningNote

FRAME = 1 / 30
"""Seconds between two looks at the state while tokens come."""

DRAWN_SEEDS = 100_000_000
"""Seeds that are drawn lie below this, for there are services that take no larger ones."""

_WANTED_KEYS = (
    *("ask_now", "try_again", "turn(-1)", "submit", "generate", "stop", "screen.focus_next", "new_line"),
    *("toggle_live", "add", "app.help", "features", "sweep", "choose(-1)", "off", "toggle_auto", "sampling"),
    *("mute", "presets", "copy_link", "reread", "models", "method", "new_seed", "remove", "copy_text"),
)
"""Actions whose keys get the room of the key line, from the most wanted one on."""


def _wanted_keys(focused: Widget | None) -> Sequence[str]:
    return ("copy_text", *_WANTED_KEYS) if isinstance(focused, OutputPane) else _WANTED_KEYS


class MainScreen(LoadingScreen, DiallingScreen):
    """Reads the state, sends what the person does to the controller, and does nothing else."""

    HORIZONTAL_BREAKPOINTS = [(0, "-too-small"), (LEAST[0], "-narrow"), (70, "-medium"), (WIDE, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-too-low"), (LEAST[1], "-short"), (TALL, "-tall")]
    AUTO_FOCUS = "#prompt"

    BINDINGS: ClassVar[list[BindingType]] = [
        # Priority, so that Esc works from any focus at once.
        Binding("escape", "stop", "cancel", id="main.cancel", priority=True),
        Binding("enter", "generate", "generate", id="main.generate", key_display="⏎"),
        Binding("f", "features", "features", id="main.features"),
        Binding("a", "add", "add", id="main.add"),
        Binding("w", "sweep", "sweep", id="main.sweep"),
        Binding("g", "toggle_auto", "auto", id="main.auto"),
        Binding("v", "toggle_live", "live", id="main.live"),
        Binding("t", "method", "method", id="main.method"),
        Binding("s", "new_seed", "new seed", id="main.new-seed"),
        Binding("p", "sampling", "sampling", id="main.sampling"),
        Binding("ctrl+z,u", "undo", "undo", id="main.undo", show=False),
        Binding("x", "reset", "all off", id="main.reset", show=False),
        Binding("y", "copy_text", "copy", id="main.copy"),
        # Where it does something, the lanes' own line names the key.
        Binding("l", "other_lane", "other lane", id="main.other-lane", show=False),
        Binding("n", "ask_now", "now", id="main.now"),
        Binding("r", "try_again", "try again", id="main.try-again"),
        Binding("question_mark", "app.help", "help", id="main.help", key_display="?"),
    ]

    def __init__(
        self,
        engine: Engine,
        make_controller: Callable[[Callable[[], None]], Controller],
        find_dials: FindDials | None,
        deadlines: Deadlines,
        sleep: Sleep,
        *,
        auto_while_free: bool,
    ) -> None:
        """With `auto_while_free`, auto goes off when calls begin to be counted."""
        super().__init__()
        self.engine = engine
        self._find_dials = find_dials
        self._deadlines, self._sleep = deadlines, sleep
        self._auto_while_free = auto_while_free
        self.controller = make_controller(self._note_change)
        self._frame_pending = False
        self._seen_phases: list[type[Phase]] = []
        self._told_of_turn = ""
        self._focused_before: Widget | None = None
        """What gets the focus back, while the terminal is too small for anything to have it."""

    def compose(self) -> ComposeResult:
        """Top to bottom; the stylesheet decides what stands beside what."""
        inputs = self.controller.inputs
        sentence = f"steer-tui needs {LEAST[0]}×{LEAST[1]} characters: make the window larger."
        yield Static(sentence, id="too-small", markup=False)
        yield Masthead()
        yield PromptBox(inputs.prompt, id="prompt")
        with Container(id="stage"):
            with Vertical(id="dials") as dials:
                dials.border_title = "Dials"
                yield DialRack(inputs.dials, inputs.method, clock=self.controller.clock, id="rack")
                yield DialNote()
            yield LaneTabs()
            with Horizontal(id="lanes"):
                for lane in Lane:
                    yield OutputPane(id=lane.value)
        if isinstance(self.engine, Publishes):
            yield PublicationNote(self.engine.publication, key_of(self, "main.cancel"))
        yield WarningNote(key_of(self, "main.cancel"))
        yield Bottom(self.controller.clock)
        yield KeyLine(_wanted_keys)

    def on_mount(self) -> None:
        """Start the controller, and show what is set."""
        self._views = {lane: LaneView(self.query_one(f"#{lane.value}", OutputPane), LANE_TITLES[lane]) for lane in Lane}
        masthead, inputs = self.query_one(Masthead), self.controller.inputs
        masthead.engine, masthead.chat, masthead.sampling = self.engine.info, inputs.chat, inputs.sampling
        self.query_one(DialNote).method = inputs.method
        self._control()
        self._show_lane(Lane.STEERED)
        self._note_change()

    def on_resize(self, event: events.Resize) -> None:
        """Give the dials as many lines as there is room for, and the focus back where there was room for nothing."""
        width, height = event.size
        folded = width < WIDE
        self.query_one(DialRack).rows_a_dial = (1 if height < TALL else 2) if folded else 3
        self._note_change()
        if width < LEAST[0] or height < LEAST[1]:
            self._focused_before = self.focused or self._focused_before or self.query_one(PromptBox)
        elif self._focused_before is not None:
            self.call_after_refresh(self._give_focus_back, self._focused_before)
            self._focused_before = None

    def _give_focus_back(self, before: Widget) -> None:
        if self.focused is None:
            self.set_focus(before if before in self.focus_chain else self.query_one(PromptBox))

    @work(group="controller", exit_on_error=False)
    async def _control(self) -> None:
        await self.controller.run()

    # From the state to the widgets

    def _note_change(self) -> None:
        if not self._frame_pending and self.is_attached:
            self._frame_pending = True
            self.set_timer(FRAME, self._frame)

    def _frame(self) -> None:
        self._frame_pending = False
        state = self.controller.state
        for lane, view in self._views.items():
            view.show(state.lanes[lane], stale=self.controller.is_stale(lane))
        self._show_dials(state.lanes[Lane.STEERED])
        self._show_engine(info := self.engine.info)
        quota = info.quota
        self._follow_quota(quota)
        self.query_one(StatusFigures).view = self._status(quota)
        self.query_one(AutoSwitch).position = self.controller.auto
        self.query_one(LiveSwitch).position = self.controller.live if self.controller.can_live else None
        self._tell_of_turn(state.lanes[Lane.STEERED].turn_error)
        self._follow_generation()
        self._show_bottom()
        self._show_window(state.lanes[Lane.STEERED].window or state.lanes[Lane.DEFAULT].window)
        if any(lane.run for lane in state.lanes.values()):
            self._hide_publication()
        phases = [type(lane.phase) for lane in state.lanes.values()]
        if phases != self._seen_phases:
            self._seen_phases = phases
            self.refresh_bindings()

    def _show_engine(self, info: EngineInfo) -> None:
        """A server tells what it is and can do only once it has been asked."""
        masthead = self.query_one(Masthead)
        if info != masthead.engine:
            masthead.engine = info
            self.refresh_bindings()

    def _follow_quota(self, quota: Quota | None) -> None:
        """Generate nothing by itself any longer where calls begin to be counted, unless the person chose to."""
        if quota is not None and self._auto_while_free:
            self._auto_while_free = False
            if self.controller.auto:
                self.controller.switch_auto(False)
                words = f"This engine counts calls, so auto is off: {key_of(self, 'main.generate')} generates."
                self.notify(words, markup=False)

    def _tell_of_turn(self, error: SteerError | None) -> None:
        """Say once why a live turn did not come about, however often it is tried."""
        words = safe_line(f"The dial does not act on this text: {error.message} {error.hint}") if error else ""
        if words and words != self._told_of_turn:
            self.notify(words, severity="error", markup=False)
        self._told_of_turn = words

    def _show_window(self, window: PromptWindow | None) -> None:
        cut = window is not None and window.seen < window.total
        note = f"the model reads the last {window.seen} of {window.total} tokens" if window and cut else ""
        prompt = self.query_one(PromptBox)
        if note != prompt.border_subtitle:  # setting it draws the whole box, changed or not
            prompt.border_subtitle = note

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done now."""
        if self._focused_before is not None and action != "stop":
            return False  # nothing shows what it would do
        state = self.controller.state
        match action:
            case "stop":
                stops = state.is_generating or self._has_selection or self._can_stop_loading or self._tells_something
                return True if stops else None
            case "ask_now":
                return any(isinstance(lane.phase, RateLimited | Retrying) for lane in state.lanes.values())
            case "other_lane":
                return self.has_class("-narrow")
            case _:
                return super().check_action(action, parameters)

    # From the person to the controller

    @on(TextArea.Changed, "#prompt")
    def _prompt_edited(self, event: TextArea.Changed) -> None:
        self.controller.change(replace(self.controller.inputs, prompt=event.text_area.text))

    @on(PromptBox.Submitted)
    def action_generate(self) -> None:
        """Start now, with what is set."""
        if self.controller.generate():
            self._want_engine()
        else:
            self.notify("The prompt is empty: type something first.", severity="warning")
            self.query_one(PromptBox).focus()

    @on(Countdown.StopPressed)
    def action_stop(self) -> None:
        """Drop a value that is being typed, or a selection, or what is made public, or what loads or generates.

        A warning goes last: it must not take the Esc of a generation.
        """
        rack = self.query_one(DialRack)
        if rack.typed is not None:
            rack.typed = None
        elif self._has_selection:
            self.clear_selection()
        elif self._tells_publication:
            self._hide_publication()
            self.refresh_bindings()
        elif self._can_stop_loading:
            self.stop_loading()
        elif not self.controller.cancel():
            self.query_one(WarningNote).close()
            self.refresh_bindings()

    @property
    def _tells_something(self) -> bool:
        return self._tells_publication or self._tells_warning

    @property
    def _has_selection(self) -> bool:
        return bool(self.selections)

    @on(Countdown.NowPressed)
    def action_ask_now(self) -> None:
        """Wait no longer."""
        self.controller.ask_now()

    @on(AutoSwitch.Pressed)
    def action_toggle_auto(self) -> None:
        """Let a turned dial generate by itself, or not."""
        self._auto_while_free = False
        self.controller.switch_auto(not self.controller.auto)

    @on(LiveSwitch.Pressed)
    def action_toggle_live(self) -> None:
        """Let a turned dial act on the text that comes, or not."""
        if not self.controller.switch_live(not self.controller.live):
            sentence = f"The {self.engine.info.name} engine cannot turn a dial while a text comes: it starts again."
            self.notify(safe_line(sentence), severity="warning", markup=False)

    def _sample(self, sampling: Sampling) -> None:
        self.controller.change(replace(self.controller.inputs, sampling=sampling))
        self.query_one(Masthead).sampling = sampling

    def action_new_seed(self) -> None:
        """Draw another seed; with auto on, it generates."""
        self._sample(replace(self.controller.inputs.sampling, seed=random.randrange(DRAWN_SEEDS)))

    @work(group="sampling", exclusive=True, exit_on_error=False)
    async def action_sampling(self) -> None:
        """Set temperature, length, seed, stop text and pace."""
        from steer_tui.tui.screens.sampling import SamplingScreen

        controller = self.controller
        chosen = await self.app.push_screen_wait(SamplingScreen(controller.inputs.sampling, controller.pace))
        if chosen is not None:
            sampling, controller.pace = chosen
            self._sample(sampling)

    def action_copy_text(self) -> None:
        """Copy the whole text of the pane that has the focus, else of the lane that is in view."""
        in_view = self.query_one(LaneTabs).lane
        lane = next((lane for lane, view in self._views.items() if view.pane.has_focus), in_view)
        text = self.controller.state.lanes[lane].text
        if not text:
            self.notify("There is no text to copy yet.", severity="warning")
            return
        self.app.copy_to_clipboard(safe_text(text))
        self.notify(f"The {lane.value} text was sent to the terminal's clipboard (OSC 52).")

    @on(OutputPane.FollowChanged)
    def _follow_changed(self) -> None:
        self._note_change()

    @on(LaneTabs.Picked)
    def _lane_picked(self, event: LaneTabs.Picked) -> None:
        self._show_lane(event.lane)

    def action_other_lane(self) -> None:
        """Show the other lane, where there is room for one only."""
        lane = self.query_one(LaneTabs).lane
        self._show_lane(Lane.DEFAULT if lane is Lane.STEERED else Lane.STEERED)

    def _show_lane(self, lane: Lane) -> None:
        self.query_one(LaneTabs).lane = lane
        for shown, view in self._views.items():
            view.pane.set_class(shown is not lane, "-behind")
