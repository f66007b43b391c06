"""A server that loads its model: shown as it is, stopped at once, tried again, and never left behind."""

import asyncio
from collections.abc import Sequence

import pytest
from fake_time import FakeTime
from loading_engine import LoadingEngine
from scripted_engine import Gate, speaking
from stage import DIALS, foot, generated, laid_out, main_screen, make_app, pane, rack, until, values
from textual.containers import Vertical
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher, Input, OptionList, Static

from steer_tui.domain import Dial, Feature, Lane, Rejected
from steer_tui.generation import Cancelled, Connecting
from steer_tui.tui.screens.features import FeaturesScreen
from steer_tui.tui.screens.help import HelpScreen
from steer_tui.tui.screens.loading import LOOK
from steer_tui.tui.widgets.loading import LoadingNotice, LoadingStage, LogLine, StoppedNotice, StoppedSentence
from steer_tui.tui.widgets.loading import elapsed_face as face
from steer_tui.tui.widgets.masthead import Masthead
from steer_tui.tui.widgets.prompt import PromptBox
from steer_tui.tui.widgets.status import StatusFigures


class FindingEngine(LoadingEngine):
    """Finds nothing before its server is ready."""

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        await self._ready()
        return await super().find_features(query, limit)


def notice(pilot: Pilot[None]) -> str | None:
    return pilot.app.screen_stack[0].query_one("#bottom", ContentSwitcher).current


def stage(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one(LoadingStage).render())


def stopped(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one(StoppedSentence).render())


def drawn(pilot: Pilot[None]) -> str:
    return pilot.app.export_screenshot().replace("&#160;", " ")


def shows(pilot: Pilot[None], *told: str) -> bool:
    picture = drawn(pilot)
    return all(words in picture for words in told)


async def loads(pilot: Pilot[None]) -> None:
    await laid_out(pilot)
    await until(pilot, lambda: notice(pilot) == "loading")


async def test_while_a_server_loads_the_screen_says_what_it_does_and_for_how_long() -> None:
    fake = FakeTime()
    engine = LoadingEngine(clock=fake.clock)
    async with make_app(engine, fake, auto=False).run_test(size=(120, 40)) as pilot:
        await loads(pilot)
        assert stage(pilot) == "● loading 0:00   the server loads the model"
        assert not pilot.app.screen.query_one(LogLine).display
        await fake.advance(61.5)
        engine.say("Loading shards: \x1b[31m2 of 5 [b]\n" + "and much more " * 20)
        await until(pilot, lambda: "loading 1:01" in stage(pilot) and pilot.app.screen.query_one(LogLine).display)
        for size in ((120, 40), (60, 20)):
            await pilot.resize_terminal(*size)
            await laid_out(pilot)
            await until(pilot, lambda: "Loading shards: ␛[31m2 of 5 [b]␊and" in drawn(pilot))
            assert "stop (esc)" in drawn(pilot), size
            assert pane(pilot).size.height >= 3, size
        engine.loaded.set()
        await until(pilot, lambda: notice(pilot) == "status")
        await until(pilot, lambda: "tiny-llama" in str(pilot.app.screen.query_one(Masthead).render()))


async def test_esc_ends_the_loading_from_any_focus_and_enter_or_r_tries_again() -> None:
    engine = LoadingEngine()
    async with make_app(engine, auto=False).run_test() as pilot:
        await loads(pilot)
        screen = pilot.app.screen
        focused = {"prompt": screen.query_one(PromptBox), "rack": rack(pilot), "pane": pane(pilot)}
        for ends, (stop, again) in enumerate(
            (("prompt", "r"), ("rack", "button"), ("pane", "enter"), ("button", "enter")), start=1
        ):
            await until(pilot, lambda ends=ends: (engine.starts, notice(pilot)) == (ends, "loading"))
            if stop == "button":
                await pilot.click(screen.query_one(LoadingNotice).query_one("Button"))
            else:
                focused[stop].focus()
                await pilot.press("escape")
            await until(pilot, lambda ends=ends: (engine.ends, notice(pilot)) == (ends, "stopped"))
            await until(pilot, lambda: "You stopped waiting for the server." in stopped(pilot))
            await pilot.pause(0.1)
            assert engine.starts == ends, "it does not start again by itself"
            if again == "button":
                await pilot.click(screen.query_one(StoppedNotice).query_one("Button"))
            else:
                rack(pilot).focus()
                await pilot.press(again)
        await until(pilot, lambda: (engine.starts, notice(pilot)) == (5, "loading"))
        engine.loaded.set()
        await until(pilot, lambda: foot(pilot).startswith("done") and engine.prepared == 1)
        await until(pilot, lambda: notice(pilot) == "status")


async def test_esc_ends_also_the_generation_that_waits_and_the_text_so_far_stays() -> None:
    gate = Gate()
    engine = LoadingEngine(speaking(gate))
    async with make_app(engine, auto=False).run_test() as pilot:
        await loads(pilot)
        await pilot.press("enter")
        phases = main_screen(pilot).controller.state.lanes
        await until(pilot, lambda: all(isinstance(lane.phase, Connecting) for lane in phases.values()))
        assert notice(pilot) == "loading"
        await pilot.press("escape")
        await until(pilot, lambda: (engine.ends, notice(pilot)) == (1, "stopped"))
        assert all(isinstance(lane.phase, Cancelled) for lane in phases.values())
        assert engine.requests == []


async def test_a_generation_that_begins_by_itself_asks_for_the_server_again() -> None:
    engine = LoadingEngine()
    async with make_app(engine).run_test() as pilot:
        await loads(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: notice(pilot) == "stopped")
        await pilot.press("tab", "right")
        await until(pilot, lambda: (engine.starts, notice(pilot)) == (2, "loading"))
        engine.loaded.set()
        await until(pilot, lambda: foot(pilot).startswith("done") and engine.prepared == 1)


async def test_a_server_that_takes_its_time_to_end_is_said_to_be_ending_and_waited_for_before_the_next() -> None:
    engine = LoadingEngine()
    engine.ending = asyncio.Event()
    async with make_app(engine, auto=False).run_test() as pilot:
        await loads(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: notice(pilot) == "stopped" and "is ending" in stopped(pilot))
        await pilot.press("tab", "r")
        await pilot.pause(LOOK + 0.05)
        assert engine.starts == 1
        engine.ending.set()
        await until(pilot, lambda: (engine.starts, engine.ends, notice(pilot)) == (2, 1, "loading"))


async def test_a_failed_load_says_what_to_do_and_is_tried_again() -> None:
    engine = LoadingEngine()
    error = Rejected("There is no model at /models/tiny.", hint="Check the path, then try again.")
    async with make_app(engine, auto=False).run_test(size=(60, 20)) as pilot:
        for starts, (size, by_mouse) in enumerate((((60, 20), False), ((120, 40), True)), start=1):
            await pilot.resize_terminal(*size)
            await loads(pilot)
            assert engine.starts == starts
            engine.fail(error)
            await until(pilot, lambda: notice(pilot) == "failure")
            await until(pilot, lambda: shows(pilot, error.message, error.hint, "try again (r)"))
            if by_mouse:
                await pilot.click("#failure Button")
            else:
                rack(pilot).focus()
                await pilot.press("r")
            await until(pilot, lambda starts=starts: engine.starts == starts + 1)
        engine.loaded.set()
        await until(pilot, lambda: notice(pilot) == "status" and engine.prepared == 1)
        await pilot.press("r")
        await pilot.pause()
        assert engine.starts == 3


async def test_a_load_that_fails_under_a_generation_fails_both_and_r_starts_both_anew() -> None:
    engine = LoadingEngine()
    async with make_app(engine, auto=False).run_test() as pilot:
        await loads(pilot)
        await pilot.press("enter", "tab")
        await until(pilot, lambda: main_screen(pilot).controller.state.is_generating)
        engine.fail(Rejected("There is no such model."))
        await until(pilot, lambda: notice(pilot) == "failure" and foot(pilot) == "failed")
        await pilot.press("r")
        await until(pilot, lambda: (engine.starts, notice(pilot)) == (2, "loading"))
        engine.loaded.set()
        await until(pilot, lambda: foot(pilot).startswith("done") and engine.prepared == 1)


async def test_dials_that_waited_for_a_stopped_server_are_asked_for_again_with_it() -> None:
    engine = LoadingEngine()

    async def find_dials() -> tuple[Dial, ...]:
        await engine._ready()
        return DIALS

    async with make_app(engine, dials=(), find_dials=find_dials, auto=False).run_test() as pilot:
        await loads(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: (engine.ends, notice(pilot)) == (1, "stopped"))
        await pilot.press("tab", "r")
        await loads(pilot)
        engine.loaded.set()
        await until(pilot, lambda: values(pilot) == [4.0, 0.0, 0.0, 0.0] and notice(pilot) == "status")


@pytest.mark.parametrize("started", [True, False])
async def test_dials_that_come_late_act_on_the_text_that_was_asked_for_meanwhile(started: bool) -> None:
    engine, found = LoadingEngine(), asyncio.Event()

    async def find_dials() -> tuple[Dial, ...]:
        await found.wait()
        return DIALS

    async with make_app(engine, dials=(), find_dials=find_dials).run_test() as pilot:
        await loads(pilot)
        if started:
            await pilot.press("enter")
        found.set()
        await until(pilot, lambda: values(pilot) == [4.0, 0.0, 0.0, 0.0])
        engine.loaded.set()
        await until(pilot, lambda: engine.prepared == 1)
        if started:
            await until(pilot, lambda: foot(pilot).startswith("done") and "stale" not in foot(pilot))
            assert "first token" not in str(pilot.app.screen.query_one(StatusFigures).render())
            await generated(pilot)
            await until(pilot, lambda: "first token" in str(pilot.app.screen.query_one(StatusFigures).render()))
            engine.requests = engine.requests[:-1]
        assert [len(request.vector.dials) for request in engine.requests if Lane.STEERED in request.lanes] == (
            [1] if started else []
        )


async def test_a_query_asks_for_the_server_that_was_stopped_or_lost_and_that_does_not_end_with_it() -> None:
    fake = FakeTime()
    engine = FindingEngine(clock=fake.clock)
    async with make_app(engine, fake, auto=False).run_test() as pilot:
        await loads(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: notice(pilot) == "stopped")
        await pilot.press("tab")
        for starts in (2, 3):
            await pilot.press("a")
            await until(pilot, lambda: isinstance(pilot.app.screen, FeaturesScreen) and engine.waiting == 2)
            await fake.advance(61.5)
            found = pilot.app.screen.query_one(OptionList)
            told = "loading 1:01: the server loads the model."
            await until(pilot, lambda: any(str(option.prompt).startswith(told) for option in found.options))  # noqa: B023
            for letter in "sea":
                await pilot.press(letter)
                await until(pilot, lambda letter=letter: pilot.app.screen.query_one(Input).value.endswith(letter))
            assert (engine.starts, engine.ends) == (starts, 1)
            engine.loaded.set()
            await until(pilot, lambda: found.highlighted == 0 and engine.prepared == starts - 1)  # noqa: B023
            await pilot.press("escape")
            await until(pilot, lambda: main_screen(pilot).is_current)
            engine.lose()


async def test_esc_closes_what_is_on_top_before_it_ends_the_loading() -> None:
    engine = LoadingEngine()
    async with make_app(engine, auto=False).run_test() as pilot:
        await loads(pilot)
        await pilot.press("tab", "question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        text = " ".join(str(static.content) for static in pilot.app.screen.query(Static))
        assert "\ufffd (U+FFFD)" in text
        assert "esc stops it" in text.replace("\n", " ")
        await pilot.press("escape")
        await until(pilot, lambda: main_screen(pilot).is_current)
        assert (engine.ends, notice(pilot)) == (0, "loading")


async def test_quitting_while_a_server_loads_ends_everything_that_waits_for_it() -> None:
    engine = LoadingEngine()
    async with make_app(engine, auto=False).run_test() as pilot:
        await loads(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: main_screen(pilot).controller.state.is_generating)
        await pilot.press("ctrl+q")
    await asyncio.sleep(0)
    assert (engine.starts, engine.ends, engine.closed) == (1, 1, True)


async def test_a_server_is_said_to_be_ready_only_when_tried_out_and_is_shown_loading_again_when_lost() -> None:
    engine = LoadingEngine()
    engine.tried = asyncio.Event()
    async with make_app(engine, auto=False).run_test(size=(80, 24)) as pilot:
        await loads(pilot)
        engine.loaded.set()
        figures = pilot.app.screen.query_one(StatusFigures)
        await until(pilot, lambda: notice(pilot) == "status" and str(figures.render()) == "● getting ready")
        engine.tried.set()
        await until(pilot, lambda: str(figures.render()) == "● ready")
        engine.lose()
        await pilot.press("enter")
        await until(pilot, lambda: notice(pilot) == "loading")
        await pilot.press("escape")
        await until(pilot, lambda: (engine.ends, notice(pilot)) == (1, "stopped"))
        assert isinstance(pilot.app.screen.query_one(StoppedNotice), Vertical)


def test_the_elapsed_time_rounds_down() -> None:
    assert [face(seconds) for seconds in (-1, 0, 0.9, 59.9, 60, 3605)] == [
        "0:00",
        "0:00",
        "0:00",
        "0:59",
        "1:00",
        "60:05",
    ]
