"""The sweep screen: one dial at many values, its curves and a sample of each, as they come."""

import math
from contextlib import aclosing
from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, HorizontalScroll
from textual.reactive import reactive
from textual.screen import Screen

from steer_tui.domain import Dial, InvalidValue, SteerError
from steer_tui.engines import Engine, Prepares
from steer_tui.generation import Deadlines, Inputs, Pause
from steer_tui.generation.sweep import (
    SWEPT_TOKENS,
    Direction,
    Sample,
    SweepPlan,
    by_sample,
    require_sweeps,
    row_of,
    samples_of,
    sweep,
)
from steer_tui.tui.screens.faults import TellsFaults
from steer_tui.tui.widgets.key_line import KeyLine
from steer_tui.tui.widgets.sample_card import SampleCard
from steer_tui.tui.widgets.sweep_title import SweepTitle

SWEPT_VALUES = tuple(map(float, range(-10, 11, 2)))

SAMPLES = 6
"""Texts for each value and direction: a few seconds on the embedded model."""

FRAME = 1 / 10
"""Seconds between two drawings while texts come."""


def plan_sweep(engine: Engine, dial: Dial, inputs: Inputs) -> SweepPlan:
    """The sweep of a dial on the prompt that is set; raises InvalidValue or Unsupported where there can be none."""
    require_sweeps(engine)
    if inputs.is_empty:
        raise InvalidValue("The prompt is empty: type something first.")
    sampling = replace(inputs.sampling, max_tokens=min(inputs.sampling.max_tokens, SWEPT_TOKENS))
    return SweepPlan(dial.feature, SWEPT_VALUES, (inputs.prompt,), SAMPLES, sampling, inputs.method, inputs.chat)


class SweepScreen(TellsFaults, Screen[None]):
    """Runs the sweep that it is given, and shows what is known of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "choose(-1)", "value", key_display="←→"),
        Binding("right", "choose(1)", "next value", show=False),
        Binding("home", "choose(-1000)", "first value", show=False),
        Binding("end", "choose(1000)", "last value", show=False),
        Binding("enter", "read", "read in full", key_display="⏎"),
        # One of the two, whichever can be done now.
        Binding("escape", "stop", "stop"),
        Binding("escape,q", "close", "close"),
    ]

    running: reactive[bool] = reactive(True, bindings=True)
    """Whether texts still come."""
    chosen: reactive[int] = reactive(0)
    """Index of the value whose texts can be read."""

    def __init__(self, engine: Engine, plan: SweepPlan, deadlines: Deadlines) -> None:
        super().__init__()
        self._engine, self._plan, self._deadlines = engine, plan, deadlines
        self._samples: list[Sample] = []
        self._frame_pending = False
        self.set_reactive(SweepScreen.chosen, min(range(len(plan.values)), key=lambda at: abs(plan.values[at])))

    def compose(self) -> ComposeResult:
        """What is swept, room for the curves, a card a value."""
        yield SweepTitle(self._plan, samples_of(self._engine, self._plan))
        yield Container(id="curves-room")
        with HorizontalScroll(id="sample-cards", can_focus=False):
            for value in self._plan.values:
                yield SampleCard(value)
        yield KeyLine()

    def on_mount(self) -> None:
        """Begin."""
        self._sweep()
        self.call_after_refresh(self.watch_chosen)

    @work(group="sweep", exit_on_error=False)
    async def _sweep(self) -> None:
        try:
            if isinstance(self._engine, Prepares):
                # First, for the plots load numpy too, and the engine has a say in how.
                await self._engine.prepare()
            await self._draw_curves()
            samples = sweep(
                self._engine, self._plan, order=by_sample, on_pause=self._note_pause, deadlines=self._deadlines
            )
            async with aclosing(samples):
                async for sample in samples:
                    self._say("sweeping")
                    self._samples.append(sample)
                    self._note_change()
            self._end("done")
        except SteerError as error:
            self._end("failed", f"{error.message} {error.hint}")

    async def _draw_curves(self) -> None:
        from steer_tui.tui.widgets.curves import Curves

        await self.query_one("#curves-room").mount(Curves(self._plan.values))
        self._note_change()

    def _note_pause(self, pause: Pause) -> None:
        self._say("waiting", f"{pause.error.message} Going on in {math.ceil(pause.seconds)} s.")

    def tell_fault(self, group: str, sentence: str) -> None:
        """A fault of a program's own ends the sweep, and neither the screen nor the app."""
        self._end("failed", sentence)

    def _say(self, words: str, note: str = "") -> None:
        title = self.query_one(SweepTitle)
        title.words, title.note = words, note

    def _end(self, words: str, note: str = "") -> None:
        self._say(words, note)
        self.running = False

    # From the samples to the widgets

    def _note_change(self) -> None:
        if not self._frame_pending and self.is_attached:
            self._frame_pending = True
            self.set_timer(FRAME, self._frame)

    def _frame(self) -> None:
        from steer_tui.tui.widgets.curves import Curves

        self._frame_pending = False
        self.query_one(SweepTitle).finished = len(self._samples)
        rows = [row_of(value, self._samples) for value in self._plan.values]
        for card, row in zip(self.query(SampleCard), rows, strict=True):
            card.text, card.means = self._first_text(row.value, Direction.FEATURE), row.feature
            if row.value:  # at 0 both directions stand for the same text
                card.random_text = self._first_text(row.value, Direction.RANDOM)
        self.query_one(Curves).show(rows, self._plan.values[self.chosen])

    def _first_text(self, value: float, direction: Direction) -> str | None:
        fitting = (s.text for s in self._samples if (s.case.value, s.case.direction) == (value, direction))
        return next(fitting, None)

    def watch_chosen(self) -> None:
        """Bring the chosen card into view, and mark it."""
        for place, card in enumerate(self.query(SampleCard)):
            card.set_class(place == self.chosen, "-chosen")
            if place == self.chosen:
                self.query_one("#sample-cards").scroll_to_center(card, animate=False)
        if self._samples:
            self._note_change()

    # From the person

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc stops what runs, and closes what has ended."""
        match action:
            case "stop":
                return self.running
            case "close":
                return not self.running
            case _:
                return True

    def action_stop(self) -> None:
        """Ask for no more texts; those that have come stay."""
        self.workers.cancel_group(self, "sweep")
        self._end("stopped")

    def action_close(self) -> None:
        """Go back to the dials."""
        self.dismiss()

    def action_choose(self, distance: int) -> None:
        """Choose another value."""
        self.chosen = min(max(self.chosen + distance, 0), len(self._plan.values) - 1)

    @on(SampleCard.Clicked)
    def _card_clicked(self, event: SampleCard.Clicked) -> None:
        place = list(self.query(SampleCard)).index(event.card)
        if place == self.chosen:
            self.action_read()
        self.chosen = place

    def action_read(self) -> None:
        """Read all texts of the chosen value."""
        from steer_tui.tui.screens.sweep_texts import SweepTextsScreen

        value = self._plan.values[self.chosen]
        samples = [sample for sample in self._samples if sample.case.value == value]
        if samples:
            self.app.push_screen(SweepTextsScreen(self._plan.feature, value, samples))
