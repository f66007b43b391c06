"""Live dials at the screen: the switch, the mark where a turn came, and what is said when a turn cannot be."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from live_engine import LiveEngine
from scripted_engine import FEATURES, Gate, ScriptedEngine
from stage import foot, generated, main_screen, make_app, pane, rack, until, values
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


async def test_a_dial_turned_live_marks_where_it_came_and_the_text_goes_on() -> None:
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


async def test_the_mark_stays_through_scrolling_and_goes_with_its_text() -> None:
    engine = LiveEngine(length=12)
    async with make_app(engine, live=True, prompt="word " * 300).run_test(size=(80, 24)) as pilot:
        await streaming(pilot, engine)
        await pilot.press("right")
        await until(pilot, lambda: "▸winter" in drawn(pilot))
        pane(pilot).focus()
        await pilot.press("home")
        await until(pilot, lambda: "▸winter" not in drawn(pilot))
        await pilot.press("end")
        await until(pilot, lambda: "▸winter" in drawn(pilot))
        engine.gate.open()
        await until(pilot, lambda: foot(pilot).startswith("done"))
        await pilot.press("enter")
        await until(pilot, lambda: foot(pilot) == "done · 12 tokens")
        assert "▸" not in drawn(pilot)


async def test_the_turns_of_one_gesture_bear_one_name_and_each_its_mark() -> None:
    engine = LiveEngine()
    async with make_app(engine, live=True).run_test(size=(120, 40)) as pilot:
        await streaming(pilot, engine)
        for number in range(3):
            await pilot.press("right")
            await until(pilot, lambda number=number: len(engine.turned) == number + 1)
            engine.gate.let(1)
            await until(pilot, lambda number=number: pane(pilot).token_count == 4 + number)
        await pilot.press("down", "left")
        await until(pilot, lambda: "▸sea" in drawn(pilot))
        text = drawn(pilot).replace("\xa0", " ")
        assert " winter+4▸ winter+4.5▸ winter+5 ▸winter +5.5◂ winter+5.5 ▸sea -0.5◂" in text


async def test_a_click_on_the_switch_turns_it() -> None:
    async with make_app(LiveEngine()).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: position(pilot) is False)
        await pilot.click(LiveSwitch)
        await until(pilot, lambda: position(pilot) is True)
        await pilot.click(LiveSwitch)
        await until(pilot, lambda: position(pilot) is False)


async def test_its_key_can_be_another_and_it_is_in_the_palette() -> None:
    async with make_app(LiveEngine(), keys={"main.live": "f6"}).run_test() as pilot:
        await pilot.press("tab", "f6")
        await until(pilot, lambda: position(pilot) is True)
        assert "Live" in {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}


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


async def test_turns_that_come_faster_than_the_engine_answers_leave_the_newest() -> None:
    engine = LiveEngine()
    engine.answers = Gate()
    async with make_app(engine, live=True).run_test(size=(120, 40)) as pilot:
        await streaming(pilot, engine)
        await pilot.press(*["right"] * 8)
        assert len(engine.turned) == 1
        engine.answers.open()
        await until(pilot, lambda: "▸winter\xa0+8.0◂" in drawn(pilot))
        assert len(engine.turned) == 2


async def test_with_live_on_a_dial_that_is_turned_after_the_end_restarts_as_ever() -> None:
    engine = LiveEngine()
    engine.gate.open()
    async with make_app(engine, live=True).run_test(size=(120, 40)) as pilot:
        await generated(pilot)
        await pilot.press("tab", "right")
        await until(pilot, lambda: "winter+4.5" in pane(pilot).text and foot(pilot) == "done · 12 tokens")
        assert engine.turned == []


async def test_a_hostile_label_is_drawn_as_symbols_in_a_mark() -> None:
    feature = replace(FEATURES[0], label="\x1b[2J\u202e [red]x[/red] and a long name")
    engine = LiveEngine()
    async with make_app(engine, live=True, dials=(Dial(feature, 4.0),)).run_test(size=(120, 40)) as pilot:
        await streaming(pilot, engine)
        await pilot.press("right")
        await until(pilot, lambda: "▸␛[2J\ufffd\xa0[red]" in drawn(pilot))
        assert not {"\x1b", "\u202e"} & set(drawn(pilot))


async def test_help_says_what_live_does_and_what_keeps_the_old_steering() -> None:
    async with make_app(auto=False).run_test(size=(120, 60)) as pilot:
        await pilot.press("tab", "question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        text = " ".join(str(static.content) for static in pilot.app.screen.query(Static))
        assert "acts from the next token on, without a restart" in text
        assert "keeps the old steering" in text
        assert "v  live" in text


class HeldModel(BuiltinEngine):
    """The embedded model, read as far as the tenth steered token until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        async with aclosing(super().stream(request)) as events:
            async for event in events:
                yield event
                if isinstance(event, TokenEvent) and (event.lane, event.index) == (Lane.STEERED, 9):
                    await self.go_on.wait()


async def test_on_the_embedded_model_a_live_turn_leaves_what_came_and_changes_what_follows() -> None:
    engine = HeldModel()
    (winter,) = [feature for feature in await engine.find_features("winter") if feature.label == "winter"]
    options = AppOptions(dials=(Dial(winter, 0.0),), sampling=Sampling(max_tokens=60, seed=3), live=True)
    async with SteerApp(engine, options).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter", "tab")
        await until(pilot, lambda: pane(pilot).token_count == 10, seconds=60)
        before = pane(pilot).text
        await pilot.press("6", "enter")
        await until(pilot, lambda: "▸winter\xa0+6.0◂" in drawn(pilot), seconds=60)
        engine.go_on.set()
        for lane in Lane:
            await until(pilot, lambda lane=lane: foot(pilot, lane).startswith("done"), seconds=60)
        steered, default = main_screen(pilot).controller.state.lanes.values()
        assert [turn.index for turn in steered.turns] == [10]
        assert pane(pilot).text.startswith(before)
        # Up to the turn nothing acted, so both lanes drew the same tokens from the same seed.
        assert steered.transcript.tokens[:10] == default.transcript.tokens[:10]
        assert steered.transcript.tokens[10:] != default.transcript.tokens[10:]
        assert foot(pilot).endswith("tokens · 1 turn")
        assert "▸winter\xa0+6.0◂" in drawn(pilot)
