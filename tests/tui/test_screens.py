"""Help, palette, sampling, sizes and themes."""

import pytest
from scripted_engine import ScriptedEngine
from stage import DIALS, click_key, foot, generated, laid_out, main_screen, make_app, pane, rack, until, values
from textual.app import App
from textual.command import CommandList, CommandPalette
from textual.pilot import Pilot
from textual.widgets import Input, Static

from steer_tui.domain import InvalidValue, Lane, Sampling
from steer_tui.tui.screens.features import FeaturesScreen
from steer_tui.tui.screens.help import HelpScreen
from steer_tui.tui.screens.sampling import SamplingScreen
from steer_tui.tui.widgets.lane_tabs import LaneTabs
from steer_tui.tui.widgets.masthead import Masthead
from steer_tui.tui.widgets.prompt import PromptBox


async def opened_sampling(pilot: Pilot[None]) -> None:
    await pilot.press("p")
    await until(pilot, lambda: isinstance(pilot.app.screen, SamplingScreen))


async def opened_alone(pilot: Pilot[None], sampling: Sampling, pace: float) -> list[tuple[Sampling, float] | None]:
    """Open the sampling form over an empty screen; the list holds what it closes with, once it does."""
    closed: list[tuple[Sampling, float] | None] = []
    await pilot.app.push_screen(SamplingScreen(sampling, pace), closed.append)
    return closed


async def test_keys_can_be_bound_otherwise_and_texts_and_help_name_them_so() -> None:
    keys = {"main.add": "f6", "main.sweep": "f7,W", "main.other-lane": "f8", "main.generate": "f9", "dial.mute": "f5"}
    async with make_app(auto=False, dials=DIALS[:1], keys=keys).run_test() as pilot:
        await pilot.press("tab", "f5")
        assert rack(pilot).rack.dials[0].muted
        await pilot.press("d")
        screen = pilot.app.screen
        await until(pilot, lambda: rack(pilot).render_line(0).text.startswith("No dial yet: f6 adds one."))
        assert str(screen.query_one(LaneTabs).render()).endswith("f8 the other")
        await pilot.press("W")
        await until(pilot, lambda: any("f6 adds one" in toast.message for toast in pilot.app._notifications))
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        text = "\n".join(str(static.content) for static in pilot.app.screen.query(Static))
        assert "residual stream" in text
        assert "f7 sweeps the chosen dial" in text
        assert "f9 makes the text anew" in text
        assert "f7 W  sweep" in text
        assert "f5  mute" in text
        await pilot.press("escape")
        assert main_screen(pilot).is_current


async def test_every_action_is_in_the_palette_and_does_there_what_its_key_does() -> None:
    async with make_app(auto=False).run_test() as pilot:
        await pilot.pause()
        titles = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        main = {"Generate", "Cancel", "New seed", "Auto", "Features", "Add", "Undo", "All off", "Help"}
        assert main | {"Dial: mute"} <= titles
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
        pilot.app.screen.query_one(Input).value = "mute"
        await until(pilot, lambda: pilot.app.screen.query_one(CommandList).option_count == 1)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: rack(pilot).rack.dials[0].muted)


def test_mistakes_in_keys_and_theme_are_named() -> None:
    with pytest.raises(InvalidValue, match="no action 'dial.mut' .* nearest is 'dial.mute'"):
        make_app(keys={"dial.mut": "f7"})
    with pytest.raises(InvalidValue, match="'d' is bound to 'dial.mute' but already does 'dial.remove'"):
        make_app(keys={"dial.mute": "d"})
    with pytest.raises(InvalidValue, match="'question_mark' is bound to 'main.add' but already does 'main.help'"):
        make_app(keys={"main.add": "?"})
    with pytest.raises(InvalidValue, match="'main.add' is bound to no key"):
        make_app(keys={"main.add": ""})
    with pytest.raises(InvalidValue, match="no theme 'tokio'"):
        make_app(theme="tokio")


async def test_it_is_usable_at_every_size_and_the_texts_are_wrapped_anew() -> None:
    rows = []
    async with make_app().run_test(size=(120, 40)) as pilot:
        await generated(pilot)
        await pilot.press("tab")
        for turn, size in enumerate(((120, 40), (80, 24), (60, 20)), start=1):
            await pilot.resize_terminal(*size)
            await laid_out(pilot)
            rows.append(pane(pilot).virtual_size.height)
            await pilot.press("right", "down", "left", "up")
            dials = f" winter{4 + turn / 2:+g} sea{-turn / 2:+g}"
            await until(pilot, lambda dials=dials: pane(pilot).text.startswith(dials))
            await until(pilot, lambda: foot(pilot).startswith("done"))
            assert rack(pilot).size.height >= 4, size
            assert pane(pilot).size.height >= 4, size
    assert rows[0] > rows[-1]


async def test_a_narrow_screen_shows_one_lane_and_a_key_or_a_click_the_other() -> None:
    async with make_app(auto=False).run_test(size=(60, 20)) as pilot:
        await laid_out(pilot)
        steered, default = pane(pilot), pane(pilot, Lane.DEFAULT)
        assert (steered.display, default.display) == (True, False)
        await pilot.press("tab", "l")
        assert (steered.display, default.display) == (False, True)
        await pilot.click(LaneTabs, offset=(3, 0))
        assert (steered.display, default.display) == (True, False)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert (steered.display, default.display) == (True, True)


async def test_a_tiny_terminal_shows_a_sentence_and_what_had_the_focus_gets_it_back_with_the_room() -> None:
    async with make_app(auto=False).run_test() as pilot:
        await laid_out(pilot)
        await generated(pilot)
        screen = main_screen(pilot)
        inputs, text = screen.controller.inputs, pane(pilot).text
        for widget, small in ((screen.query_one(PromptBox), (20, 5)), (rack(pilot), (80, 5)), (pane(pilot), (20, 24))):
            widget.focus()
            await until(pilot, lambda widget=widget: widget.has_focus)
            await pilot.resize_terminal(*small)
            await until(pilot, lambda: pilot.app.focused is None)
            assert screen.query_one("#too-small").display, small
            await pilot.press("x", "s", "d")
            await pilot.resize_terminal(80, 24)
            await until(pilot, lambda widget=widget: widget.has_focus)
            assert not screen.query_one("#too-small").display, small
        assert (screen.controller.inputs, pane(pilot).text) == (inputs, text)
        assert text.startswith(" winter+4")


async def test_the_prompt_gets_the_focus_where_nothing_had_it_or_what_had_it_is_out_of_view() -> None:
    async with make_app(auto=False).run_test(size=(20, 5)) as pilot:
        await until(pilot, lambda: pilot.app.focused is None)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: pilot.app.screen.query_one(PromptBox).has_focus)
        await pilot.press("x")
        assert values(pilot) == [4.0, 0.0, 0.0, 0.0]
        pane(pilot, Lane.DEFAULT).focus()
        await until(pilot, lambda: pane(pilot, Lane.DEFAULT).has_focus)
        await pilot.resize_terminal(20, 5)
        await until(pilot, lambda: pilot.app.focused is None)
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: pilot.app.screen.query_one(PromptBox).has_focus)


async def test_the_light_colours_of_the_terminal_itself_draw_everything() -> None:
    async with make_app(theme="ansi-light").run_test() as pilot:
        await generated(pilot)
        picture = pilot.app.export_screenshot().replace("&#160;", " ")
        for word in ("winter", "Steered", "Default", "done", "+4.0"):
            assert word in picture


async def test_it_is_usable_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with make_app().run_test() as pilot:
        await generated(pilot)
        await pilot.press("tab")
        assert pilot.app.no_color
        line = "".join(segment.text for segment in rack(pilot).render_line(0))
        assert line.startswith("▎ winter")


async def test_the_reader_who_scrolls_up_is_left_in_peace_and_told_so() -> None:
    long = ScriptedEngine(None)
    async with make_app(long, prompt="word " * 150).run_test(size=(80, 24)) as pilot:
        await generated(pilot)
        pane(pilot).focus()
        await pilot.press("pageup")
        await until(pilot, lambda: "paused (End)" in foot(pilot))
        await pilot.press("end")
        await until(pilot, lambda: "paused" not in foot(pilot))


async def test_the_text_of_a_pane_can_be_copied_and_no_text_leaves_the_clipboard_alone() -> None:
    async with make_app().run_test() as pilot:
        await pilot.press("tab", "y")
        assert pilot.app.clipboard == ""
        assert any("no text to copy" in toast.message for toast in pilot.app._notifications)
        await generated(pilot)
        await pilot.press("y")
        assert pilot.app.clipboard == pane(pilot).text
        pane(pilot, Lane.DEFAULT).focus()
        await pilot.press("y")
        assert pilot.app.clipboard == pane(pilot, Lane.DEFAULT).text


async def test_with_the_mouse_alone_one_generates_turns_and_adds() -> None:
    async with make_app().run_test(size=(80, 30)) as pilot:
        await laid_out(pilot)
        await click_key(pilot, "screen.focus_next")
        await until(pilot, lambda: rack(pilot).has_focus)
        await click_key(pilot, "generate")
        await until(pilot, lambda: foot(pilot).startswith("done"))
        await pilot.click(rack(pilot), offset=(rack(pilot).size.width - 4, 1))
        await until(pilot, lambda: "winter+" in pane(pilot).text and values(pilot)[0] > 8)
        await click_key(pilot, "features")
        await until(pilot, lambda: isinstance(pilot.app.screen, FeaturesScreen))


async def test_sampling_can_be_set_and_a_wrong_value_is_named_and_kept() -> None:
    async with make_app(auto=False).run_test() as pilot:
        await laid_out(pilot)
        await pilot.press("tab")
        await opened_sampling(pilot)
        pilot.app.screen.query_one("#seed", Input).value = "11"
        await pilot.press("escape")
        await until(pilot, lambda: main_screen(pilot).is_current)
        assert main_screen(pilot).controller.inputs.sampling == Sampling()
        await opened_sampling(pilot)
        await pilot.press("end", *["backspace"] * 3, "minus", "1", "enter")
        fault = pilot.app.screen.query_one("#sampling-fault", Static)
        assert str(fault.content) == "The temperature must be 0 or more; it is -1.0."
        await pilot.press("end", *["backspace"] * 5, "1", "down", "end", *["backspace"] * 3, "8", "enter")
        await until(pilot, lambda: main_screen(pilot).is_current)
        assert main_screen(pilot).controller.inputs.sampling == Sampling(1.0, 8, 10)
        assert main_screen(pilot).query_one(Masthead).sampling == Sampling(1.0, 8, 10)


async def test_a_pace_can_be_set_and_is_followed_by_the_text_that_comes() -> None:
    engine = ScriptedEngine()
    async with make_app(engine, auto=False, pace=0.001).run_test() as pilot:
        await pilot.press("enter", "tab")
        await until(pilot, lambda: pane(pilot).token_count == 1)
        await opened_sampling(pilot)
        field = pilot.app.screen.query_one("#pace", Input)
        assert field.value == "0.001"
        field.value = "20"
        await pilot.press("enter")
        await until(pilot, lambda: main_screen(pilot).is_current)
        assert main_screen(pilot).controller.pace == 20.0
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert engine.asked(Lane.STEERED) == 1
        await opened_sampling(pilot)
        pilot.app.screen.query_one("#pace", Input).value = ""
        await pilot.press("enter")
        await until(pilot, lambda: main_screen(pilot).is_current and main_screen(pilot).controller.pace == 0.0)


async def test_an_empty_pace_or_0_is_none() -> None:
    async with App[None]().run_test() as pilot:
        for typed in ("", " ", "0"):
            closed = await opened_alone(pilot, Sampling(), 20.0)
            pilot.app.screen.query_one("#pace", Input).value = typed
            await pilot.press("enter")
            await until(pilot, lambda closed=closed: bool(closed))
            assert (typed, closed) == (typed, [(Sampling(), 0.0)])
        await opened_alone(pilot, Sampling(), 0.0)
        assert pilot.app.screen.query_one("#pace", Input).value == ""


async def test_a_pace_that_cannot_be_is_named_and_nothing_is_set() -> None:
    sentences = {
        "-1": "The pace must be 0 or more tokens a second; it is -1.",
        "nan": "The pace must be 0 or more tokens a second; it is nan.",
        "inf": "The pace must be 0 or more tokens a second; it is inf.",
        "fast": "'fast' is no number.",
    }
    async with App[None]().run_test() as pilot:
        closed = await opened_alone(pilot, Sampling(), 20.0)
        for typed, sentence in sentences.items():
            pilot.app.screen.query_one("#pace", Input).value = typed
            await pilot.press("enter")
            assert str(pilot.app.screen.query_one("#sampling-fault", Static).content) == sentence
        await pilot.press("escape")
        await until(pilot, lambda: closed == [None])


async def test_what_is_pasted_into_a_form_is_drawn_as_symbols() -> None:
    async with App[None]().run_test() as pilot:
        closed = await opened_alone(pilot, Sampling(stop=("\n\n",)), 0.0)
        stop = pilot.app.screen.query_one("#stop", Input)
        assert stop.value == r"\n\n"
        stop.value += "\x1b]0;title\x07\u202e"
        drawn = "".join(segment.text for segment in stop.render_line(0))
        assert "␛]0;title␇\ufffd" in drawn
        await pilot.press("enter")
        await until(pilot, lambda: bool(closed))
        assert closed == [(Sampling(stop=("\n\n\x1b]0;title\x07\u202e",)), 0.0)]
