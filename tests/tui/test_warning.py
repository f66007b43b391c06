"""What an engine warns of: told where it cannot be overlooked, closed by the person, told again when found again."""

from loading_engine import LoadingEngine
from scripted_engine import Gate, speaking
from stage import foot, laid_out, main_screen, make_app, pane, until
from textual.pilot import Pilot

from steer_tui.domain import Lane
from steer_tui.tui.widgets.warning import WarningNote

FOUND = "Steering has no effect on this server: a strong push gives the same \x1b[b]text."


def note(pilot: Pilot[None]) -> WarningNote:
    return pilot.app.screen_stack[0].query_one(WarningNote)


def ready(gate: Gate | None = None) -> LoadingEngine:
    engine = LoadingEngine(speaking(gate))
    engine.loaded.set()
    return engine


async def test_a_warning_stands_above_the_status_line_and_leaves_the_texts_in_view() -> None:
    engine = ready()
    engine.finds = FOUND
    async with make_app(engine, auto=False).run_test(size=(120, 40)) as pilot:
        for size in ((120, 40), (80, 24), (60, 20)):
            await pilot.resize_terminal(*size)
            await laid_out(pilot)
            await until(pilot, lambda: note(pilot).display)
            drawn = pilot.app.export_screenshot().replace("&#160;", " ")
            told = ("! Steering has no effect", "␛[b]text.", "esc hides this")
            assert all(words in drawn for words in told), size
            assert pane(pilot).size.height >= 3, size
            assert note(pilot).region.bottom == pilot.app.screen.query_one("#bottom").region.y, size


async def test_a_long_warning_is_cut_before_it_takes_the_room_of_the_texts() -> None:
    engine = ready()
    engine.finds = f"{FOUND} " * 12
    async with make_app(engine, auto=False).run_test(size=(60, 20)) as pilot:
        for size, lines in (((60, 20), 3), ((120, 40), 6), ((120, 24), 3)):
            await pilot.resize_terminal(*size)
            await laid_out(pilot)
            await until(pilot, lambda lines=lines: note(pilot).display and note(pilot).size.height == lines)
            words = str(note(pilot).render())
            assert words.startswith("! Steering has no effect"), size
            assert words.endswith("…  esc hides this"), size


async def test_a_warning_is_closed_by_key_or_click_and_comes_back_only_when_it_is_found_again() -> None:
    engine = ready()
    engine.finds = FOUND
    async with make_app(engine, auto=False).run_test(size=(80, 24)) as pilot:
        for way in ("click", "escape"):
            await until(pilot, lambda: note(pilot).display and not main_screen(pilot).controller.state.is_generating)
            await (pilot.click(WarningNote) if way == "click" else pilot.press(way))
            await until(pilot, lambda: not note(pilot).display)
            await pilot.press("enter")
            await until(pilot, lambda: foot(pilot).startswith("done"))
            assert not note(pilot).display
            engine.lose()
            await pilot.press("enter")
            await until(pilot, lambda: engine.loading is not None and note(pilot).sentence is None)
            engine.loaded.set()
            engine.warning = FOUND
        await until(pilot, lambda: note(pilot).display)
        engine.warning = None
        await until(pilot, lambda: not note(pilot).display)


async def test_a_warning_told_long_after_the_engine_was_made_ready_does_not_take_the_esc_of_a_generation() -> None:
    engine = ready(Gate())
    async with make_app(engine, auto=False).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: engine.prepared == 1)
        assert not note(pilot).display
        engine.warning = FOUND
        await until(pilot, lambda: note(pilot).display)
        await pilot.press("enter")
        await until(pilot, lambda: engine.open_streams == 2)
        await pilot.press("escape")
        await until(pilot, lambda: foot(pilot) == "cancelled" and foot(pilot, Lane.DEFAULT) == "cancelled")
        assert note(pilot).display
        await pilot.press("escape")
        await until(pilot, lambda: not note(pilot).display)
