"""Live dials at the screen: the switch, the mark where a turn came, and what is said when a turn cannot be."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from live_engine import LiveEngine
from scripted_engine import FEATURES, ScriptedEngine
from stage import foot, main_screen, make_app, pane, rack, until, values
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from steer_tui.domain import Dial, Event, GenerationRequest, Lane, Rejected, Sampling, TokenEvent
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.tui.app import AppOptions, SteerApp
from steer_tui.tui.screens.features import FeaturesScreen
from steer_tui.tui.screens.help import HelpScreen
from steer_tui.tui.widgets.status import LiveSwitch


def drawn(pilot: Pilot[None]) -> str:
    """The steered pane's lines as they are drawn, joined."""
    steered = pane(pilot)
    lines = [steered.render_line(y) for y in range(steered.size.height)]
    return " ".join("".join(segment.text for segment in line).strip() for line in lines)


def name_of_second_dial(pilot: Pilot[None]) -> str:
    """The line with its name and its sparkline."""
    return "".join(segment.text for segment in rack(pilot).render_line(rack(pilot).rows_a_dial))


def position(pilot: Pilot[None]) -> bool | None:
    return pilot.app.screen_stack[0].query_one(LiveSwitch).position


def toasts(pilot: Pilot[None]) -> list[str]:
    return [toast.message for toast in pilot.app._notifications]


async def streaming(pilot: Pilot[None], engine: LiveEngine, tokens: int = 3) -> None:
    """Generate, let so many steered tokens come, and go to the dials."""
    await pilot.press("enter", "tab")
    engine.gate.let(tokens)
    await until(pilot, lambda: pane(pilot).token_count == tokens)


async def test_a_dial_turned_live_marks_where_it_came_and_one_turned_after_the_end_restarts_as_ever() -> None:
    engine = LiveEngine()
    async with make_app(engine).run_test(size=(120, 40)) as pilot:
        await streaming(pilot, engine)
        await pilot.press("v")
        await until(pilot, lambda: position(pilot) is True)
        before = pane(pilot).text
        await pilot.press("right")
        await until(pilot, lambda: "▸winter +4.5◂" in drawn(pilot).replace("\xa0", " "))
        engine.gate.open()
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert foot(pilot) == "done · 12 tokens · 1 turn"
        assert pane(pilot).text == before + " winter+4.5" * 9
        assert " winter+4 ▸winter +4.5◂ winter+4.5" in drawn(pilot).replace("\xa0", " ")
        assert engine.asked(Lane.STEERED) == 1
        await pilot.press("y")
        assert pilot.app.clipboard == pane(pilot).text
        await pilot.press("right")
        await until(pilot, lambda: foot(pilot) == "done · 12 tokens")
        assert pane(pilot).text == " winter+5" * 12
        assert (len(engine.turned), engine.asked(Lane.STEERED)) == (1, 2)
        assert "▸" not in drawn(pilot), "the mark goes with its text"


async def test_a_dial_that_is_added_has_a_sparkline_from_its_first_turn_on() -> None:
    engine = LiveEngine()
    async with make_app(engine, live=True, dials=(Dial(FEATURES[0], 4.0),)).run_test(size=(120, 40)) as pilot:
        await streaming(pilot, engine)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, FeaturesScreen))
        await until(pilot, lambda: pilot.app.screen.query_one(OptionList).highlighted == 1)
        await pilot.press("enter")
        await until(pilot, lambda: len(values(pilot)) == 2)
        await pilot.press("right")
        await until(pilot, lambda: len(engine.turned) == 1)
        engine.gate.let(2)
        await until(pilot, lambda: pane(pilot).token_count == 5)
        await until(pilot, lambda: any(bar in name_of_second_dial(pilot) for bar in "▃▄▅▆▇█"))
        assert engine.asked(Lane.STEERED) == 1


async def test_the_switch_is_turned_by_a_click_and_by_its_key_and_palette_and_help_know_it() -> None:
    async with make_app(LiveEngine(), keys={"main.live": "f6"}).run_test() as pilot:
        await until(pilot, lambda: position(pilot) is False)
        await pilot.click(LiveSwitch)
        await until(pilot, lambda: position(pilot) is True)
        await pilot.click(LiveSwitch)
        await until(pilot, lambda: position(pilot) is False)
        await pilot.press("tab", "f6")
        await until(pilot, lambda: position(pilot) is True)
        assert "Live" in {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        text = " ".join(str(static.content) for static in pilot.app.screen.query(Static))
        assert "acts from the next token on, without a restart" in text
        assert "keeps the old steering" in text
        assert "f6  live" in text


async def test_an_engine_that_cannot_shows_so_and_a_press_says_so() -> None:
    async with make_app(ScriptedEngine(), live=True).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: position(pilot) is None)
        assert str(pilot.app.screen.query_one(LiveSwitch).render()) == "live –"
        await pilot.press("tab", "v")
        await pilot.click(LiveSwitch)
        await pilot.pause()
        sentence = "The scripted engine cannot turn a dial while a text comes: it starts again."
        assert toasts(pilot) == [sentence] * 2
        assert position(pilot) is None


async def test_a_turn_that_fails_is_told_once_and_the_text_goes_on_stale() -> None:
    engine = LiveEngine()
    engine.faults = [Rejected("The dial is \x1b[2J too strong.", hint="Turn it down.") for _ in range(3)]
    async with make_app(engine, live=True).run_test(size=(120, 40)) as pilot:
        await streaming(pilot, engine)
        await pilot.press("right", "right", "right")
        await until(pilot, lambda: "stale" in foot(pilot))
        assert foot(pilot) == "following · turn failed · stale"
        sentence = "The dial does not act on this text: The dial is ␛[2J too strong. Turn it down."
        await until(pilot, lambda: toasts(pilot) == [sentence])
        assert values(pilot)[0] == 5.5
        engine.gate.let(2)
        await until(pilot, lambda: pane(pilot).token_count == 5)
        await pilot.press("left")
        await until(pilot, lambda: foot(pilot) == "following · 1 turn")


class HeldModel(BuiltinEngine):
    """The embedded model, read as far as the fourth steered token until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        async with aclosing(super().stream(request)) as events:
            async for event in events:
                yield event
                if isinstance(event, TokenEvent) and (event.lane, event.index) == (Lane.STEERED, 3):
                    await self.go_on.wait()


async def test_on_the_embedded_model_a_live_turn_leaves_what_came_and_changes_what_follows() -> None:
    engine = HeldModel()
    (winter,) = [feature for feature in await engine.find_features("winter") if feature.label == "winter"]
    options = AppOptions(dials=(Dial(winter, 0.0),), sampling=Sampling(max_tokens=14, seed=3), live=True)
    async with SteerApp(engine, options).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter", "tab")
        await until(pilot, lambda: pane(pilot).token_count == 4, seconds=60)
        before = pane(pilot).text
        await pilot.press("6", "enter")
        await until(pilot, lambda: "▸winter\xa0+6.0◂" in drawn(pilot), seconds=60)
        engine.go_on.set()
        for lane in Lane:
            await until(pilot, lambda lane=lane: foot(pilot, lane).startswith("done"), seconds=60)
        steered, default = main_screen(pilot).controller.state.lanes.values()
        assert [turn.index for turn in steered.turns] == [4]
        assert pane(pilot).text.startswith(before)
        # Up to the turn nothing acted, so both lanes drew the same tokens from the same seed.
        assert steered.transcript.tokens[:4] == default.transcript.tokens[:4]
        assert steered.transcript.tokens[4:] != default.transcript.tokens[4:]
        assert foot(pilot).endswith("tokens · 1 turn")
        assert "▸winter\xa0+6.0◂" in drawn(pilot)
