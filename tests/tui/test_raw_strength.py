"""A raw strength, the coefficient itself: typed behind `=`, and allowed to lie beyond the ends of the dial."""

from scripted_engine import FEATURES, ScriptedEngine
from stage import laid_out, make_app, rack, until, values
from textual import events
from textual.keys import _character_to_key

from steer_tui.domain import Dial
from steer_tui.tui.widgets.dial_note import DialNote

TYPED = (
    ("= 1 0 enter", 5.0),
    ("= minus 3 . 5 enter", -1.75),
    ("1 0 = enter", 5.0),
    ("= 2 0 0 enter", 100.0),
    ("= 0 enter", 0.0),
    ("= minus 0 enter", 0.0),
    ("= 1 0 backspace enter", 0.5),
    ("= backspace enter", 4.0),
    ("= enter", 4.0),
    ("= minus enter", 4.0),
    ("= 1 0 escape", 4.0),
    ("= 1 0 tab", 4.0),
    ("= 2 0 0 enter right", 100.0),
    ("= 2 0 0 enter shift+right", 100.0),
    ("= 2 0 0 enter left", 10.0),
    ("= minus 2 0 0 enter left", -100.0),
    ("= minus 2 0 0 enter right", -10.0),
)
"""Keys on a dial that stands at +4, and the value that it has then."""


async def test_it_is_typed_on_the_chosen_dial() -> None:
    async with make_app(auto=False).run_test() as pilot:
        for keys, value in TYPED:
            rack(pilot).focus()
            await pilot.press("4", "enter", *keys.replace(".", "full_stop").replace("=", "equals_sign").split())
            await pilot.pause()
            assert str(values(pilot)[0]) == str(value), keys
            assert rack(pilot).typed is None, keys


async def test_what_is_typed_shows_and_what_comes_of_it_stands_beside_the_dose() -> None:
    engine = ScriptedEngine()
    async with make_app(engine, dials=(Dial(FEATURES[0]),)).run_test(size=(120, 40)) as pilot:
        await laid_out(pilot)
        await pilot.press("tab", "equals_sign", "7", "full_stop", "5")
        await until(pilot, lambda: "=7.5▏" in rack(pilot).render_line(0).text)
        await pilot.press("enter")
        note = pilot.app.screen.query_one(DialNote)
        await until(pilot, lambda: "dose 0.15 of the residual norm\nraw strength +7.5" in str(note.render()))
        await until(pilot, lambda: bool(engine.requests))
        assert engine.requests[0].vector.dials[0].coefficient == 7.5
        await pilot.press("u")
        assert values(pilot) == [0.0]


async def test_keys_that_come_in_one_packet_are_a_raw_strength_too() -> None:
    async with make_app(auto=False, keys={"dial.raw": "r", "main.try-again": "f8"}).run_test() as pilot:
        await pilot.press("tab")
        for character, value in (("r", 3.5), ("=", 3.5), ("-", -7.0)):
            for key in (character, "7", "enter"):
                printed = key if len(key) == 1 else "\r"
                pilot.app.post_message(events.Key(_character_to_key(key) if len(key) == 1 else key, printed))
            await until(pilot, lambda value=value: values(pilot)[0] == value and rack(pilot).typed is None)
            if character == "r":
                pilot.app.set_keymap({})


async def test_beyond_the_ends_it_stands_at_its_end_with_a_mark_and_far_out_it_is_rounded_and_never_cut() -> None:
    async with make_app(auto=False).run_test(size=(120, 40)) as pilot:
        await laid_out(pilot)
        await pilot.press("tab")
        for size, row in (((120, 40), 1), ((60, 20), 0)):
            await pilot.resize_terminal(*size)
            await laid_out(pilot)
            for typed, mark, value in (("2 5", "━»", "! +12.5"), ("minus 2 5", "«━", "! -12.5")):
                await pilot.press("equals_sign", *typed.split(), "enter")
                await until(pilot, lambda value=value: value in rack(pilot).render_line(0).text)
                assert mark in rack(pilot).render_line(row).text, size
            for typed, value in (("9999999999", "! +5e9"), ("-300", "! -150"), ("-20001", "! -1e4")):
                rack(pilot).typed = f"={typed}"
                await pilot.press("enter")
                await until(pilot, lambda value=value: value in rack(pilot).render_line(0).text)
            rack(pilot).typed = "=9999999999"
            await pilot.press("enter", "m")
            await until(pilot, lambda: rack(pilot).render_line(0).text.rstrip().endswith("muted +5e9"))
            words = str(pilot.app.screen.query_one(DialNote).render())
            assert "\ndose 2e8 of the residual norm\nraw strength +1e10" in words, size
            await pilot.press("m")


async def test_it_can_be_begun_from_the_palette_and_be_bound_otherwise() -> None:
    async with make_app(auto=False, keys={"dial.raw": "f8"}).run_test() as pilot:
        await pilot.pause()
        commands = {command.title: command for command in pilot.app.get_system_commands(pilot.app.screen)}
        await commands["Dial: type a raw strength"].callback()
        await pilot.press("1", "0", "enter", "down", "f8", "4", "enter")
        assert values(pilot)[:2] == [5.0, 2.0]


async def test_an_empty_rack_says_how_a_dial_comes_there_and_takes_no_strength() -> None:
    async with make_app(auto=False, dials=()).run_test(size=(60, 20)) as pilot:
        await laid_out(pilot)
        await until(pilot, lambda: rack(pilot).render_line(0).text.startswith("No dial yet: a adds one."))
        await pilot.press("tab", "equals_sign", "5", "enter")
        assert rack(pilot).typed is None
        assert values(pilot) == []
