"""The dials: by keyboard, by mouse, and undone."""

import time
from collections.abc import Sequence
from pathlib import Path

from fake_time import FakeTime
from scripted_engine import FEATURES
from stage import DIALS, laid_out, make_app, rack, until, values
from textual.app import App, ComposeResult
from textual.screen import Screen

import steer_tui.tui
from steer_tui.domain import Dial, Feature, Method
from steer_tui.generation.delivery import Clock
from steer_tui.generation.rack import GESTURE_SECONDS, Rack
from steer_tui.tui.widgets.dial_lines import sparkline
from steer_tui.tui.widgets.dial_note import DialNote
from steer_tui.tui.widgets.rack import DialRack

MANY = tuple(Dial(Feature(f"s/{number}", f"feature {number}", 1.0)) for number in range(30))


class RackApp(App[None]):
    """A rack alone, as wide and high as the terminal."""

    CSS_PATH = Path(steer_tui.tui.__path__[0], "app.tcss")

    def __init__(self, dials: Sequence[Dial] = DIALS, rows_a_dial: int = 3, clock: Clock = time.monotonic) -> None:
        super().__init__()
        self._rack = DialRack(dials, Method.ADDITIVE, clock=clock)
        self._rack.rows_a_dial = rows_a_dial

    def compose(self) -> ComposeResult:
        yield self._rack


TURNS = {
    "right": 4.5,
    "left left": 3.0,
    "shift+right": 4.1,
    "shift+left": 3.9,
    "home": -10.0,
    "end": 10.0,
    "end right": 10.0,
    "0": 0.0,
    "7 enter": 7.0,
    "minus 2 . 5 enter": -2.5,
    "minus 2 . 5 backspace backspace 3 enter": -10.0,
    "1 0 enter": 10.0,
    "9 9 enter": 10.0,
    "minus enter": 4.0,
    "7 escape": 4.0,
    "7 tab": 4.0,
}


async def test_keys_turn_the_chosen_dial() -> None:
    async with make_app(auto=False).run_test() as pilot:
        before = rack(pilot).rack
        for keys, value in TURNS.items():
            rack(pilot).rack = before
            rack(pilot).focus()
            await pilot.press(*keys.replace(".", "full_stop").split())
            await pilot.pause()
            assert (keys, values(pilot)[0], rack(pilot).typed) == (keys, value, None)


async def test_up_and_down_choose_and_stop_at_the_ends() -> None:
    async with RackApp().run_test() as pilot:
        await pilot.press("up", "right", "down", "down", "left", *["down"] * 5, "end")
        assert values(pilot) == [4.5, 0.0, -0.5, 10.0]


async def test_a_muted_dial_keeps_its_value_and_sounds_again_when_turned() -> None:
    async with RackApp().run_test() as pilot:
        await pilot.press("m")
        assert rack(pilot).rack.dials[0] == Dial(FEATURES[0], 4.0, muted=True)
        await pilot.press("m")
        assert rack(pilot).rack.dials[0] == Dial(FEATURES[0], 4.0)
        await pilot.press("m", "right")
        assert rack(pilot).rack.dials[0] == Dial(FEATURES[0], 4.5)


async def test_undo_takes_back_reset_remove_mute_and_turns() -> None:
    fake = FakeTime()
    async with make_app(None, fake, auto=False).run_test() as pilot:
        before = rack(pilot).rack.dials
        await pilot.press("tab", "right", "right", "m", "d", "right", "x")
        assert values(pilot) == [0.0, 0.0, 0.0]
        await pilot.press("ctrl+z")
        assert values(pilot) == [0.5, 0.0, 0.0]
        await pilot.press("u", "u")
        assert rack(pilot).rack.dials[0] == Dial(FEATURES[0], 5.0, muted=True)
        await pilot.press("u", "u")
        assert rack(pilot).rack.dials == before
        await pilot.press("u")
        assert rack(pilot).rack.dials == before
        await pilot.press("right")
        await fake.advance(GESTURE_SECONDS)
        await pilot.press("right", "u")
        assert values(pilot)[0] == 4.5


async def test_turns_that_follow_each_other_at_once_are_undone_together_and_later_ones_alone() -> None:
    fake = FakeTime()
    async with RackApp(clock=fake.clock).run_test() as pilot:
        await pilot.press("right")
        await fake.advance(GESTURE_SECONDS / 2)
        await pilot.press("right")
        await fake.advance(GESTURE_SECONDS)
        await pilot.press("right")
        undone = rack(pilot).rack.undo()
        assert undone.dials[0].value == 5.0
        assert undone.undo().dials[0].value == 4.0


async def test_an_empty_rack_takes_every_key_without_harm() -> None:
    async with make_app(auto=False, dials=()).run_test() as pilot:
        await pilot.press("tab", "right", "left", "up", "down", "home", "end", "0", "m", "d", "5", "enter", "u", "x")
        assert values(pilot) == []


async def test_a_click_on_a_slider_sets_it_and_a_drag_pulls_it() -> None:
    async with RackApp().run_test() as pilot:
        width = rack(pilot).scrollable_content_region.width
        await pilot.click(DialRack, offset=(width - 2, 1))
        assert values(pilot)[0] == 10.0
        await pilot.mouse_down(DialRack, offset=(width - 2, 4))
        await pilot.hover(DialRack, offset=(2, 4))
        await pilot.mouse_up(DialRack, offset=(2, 4))
        assert values(pilot)[1] == -10.0
        assert rack(pilot).rack.undo().dials[1].value == 0.0


async def test_a_click_on_a_name_chooses_the_dial_and_turns_nothing() -> None:
    async with RackApp().run_test() as pilot:
        await pilot.click(DialRack, offset=(4, 6))
        assert rack(pilot).chosen == 2
        assert values(pilot) == [4.0, 0.0, 0.0, 0.0]


async def test_a_click_turns_a_dial_that_is_one_line_high() -> None:
    async with RackApp(rows_a_dial=1).run_test() as pilot:
        track = rack(pilot)._track
        await pilot.click(DialRack, offset=(track.left + track.cells - 1, 2))
        assert values(pilot) == [4.0, 0.0, 10.0, 0.0]
        await pilot.click(DialRack, offset=(3, 3))
        assert rack(pilot).chosen == 3
        assert values(pilot) == [4.0, 0.0, 10.0, 0.0]


async def test_more_dials_than_lines_scroll_with_the_choice() -> None:
    async with RackApp(MANY, rows_a_dial=1).run_test(size=(80, 8)) as pilot:
        await pilot.press(*["down"] * 29)
        await until(pilot, lambda: rack(pilot).scroll_offset.y > 0)
        assert "feature 29" in rack(pilot).render_line(7).text


async def test_the_chosen_dial_stays_in_view_whatever_the_size() -> None:
    async with make_app(auto=False, dials=MANY).run_test(size=(80, 24)) as pilot:
        await laid_out(pilot)
        rack(pilot).chosen = 20

        def is_in_view() -> bool:
            top, rows = rack(pilot).scroll_offset.y, rack(pilot).rows_a_dial
            return top <= 20 * rows and 21 * rows <= top + rack(pilot).size.height

        await until(pilot, is_in_view)
        for size in ((120, 40), (60, 20), (80, 40), (80, 16)):
            await pilot.resize_terminal(*size)
            await laid_out(pilot)
            await until(pilot, is_in_view)


async def test_a_drag_ends_where_another_screen_takes_the_mouse_away() -> None:
    async with RackApp().run_test() as pilot:
        await pilot.mouse_down(DialRack, offset=(10, 4))
        dragged = values(pilot)[1]
        assert dragged < 0
        await pilot.app.push_screen(Screen())
        await pilot.app.pop_screen()
        await pilot.hover(DialRack, offset=(30, 4))
        assert values(pilot)[1] == dragged


def test_readings_that_are_no_numbers_are_drawn_as_nothing() -> None:
    assert sparkline([float("nan"), float("inf"), -3.0, 2.0], 2.0, 4) == "▁█▁█"
    assert sparkline([-2.0, -1.0], None, 3) == " ▁▁"


async def test_above_eight_notches_the_dial_warns_in_words() -> None:
    async with make_app(auto=False).run_test(size=(120, 40)) as pilot:
        await pilot.press("tab", "8", "enter")
        note = pilot.app.screen.query_one(DialNote)
        assert "begins to break" not in str(note.render())
        await pilot.press("right")
        await until(pilot, lambda: "! above 8 a text begins to break" in str(note.render()))
        assert "! +8.5" in "".join(segment.text for segment in rack(pilot).render_line(0))


async def test_a_long_name_gets_up_to_a_third_of_a_dial_that_is_one_line_high() -> None:
    dials = (Dial(Feature("gate", "the Golden Gate and its bridge of red steel", 1.0), 4.0), Dial(FEATURES[1]))
    async with RackApp(dials, rows_a_dial=1).run_test() as pilot:
        for width, shown in ((76, "the Golden Gate and its…"), (56, "the Golden Gate…")):
            await pilot.resize_terminal(width, 4)
            await until(pilot, lambda width=width: rack(pilot).size.width == width)
            first, second = (rack(pilot).render_line(row).text for row in (0, 1))
            assert (len(first), shown in first) == (width, True)
            assert first.index("┝") == second.index("○")
            await pilot.click(DialRack, offset=(first.index("┝"), 0))
            assert values(pilot)[0] == 0.0
            rack(pilot).rack = Rack(dials)
