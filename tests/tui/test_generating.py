"""Prompt, panes and keys: what a person meets first."""

from fake_time import FakeTime
from scripted_engine import Gate, ScriptedEngine, done, playing, speaking, token, tokens
from stage import foot, generated, main_screen, make_app, pane, rack, until, values
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher, Static

from steer_tui.domain import ActivationEvent, FeatureActivation, GenerationRequest, Lane, NotFound, RewindEvent
from steer_tui.engines import PromptWindow, Quota
from steer_tui.generation import Streaming
from steer_tui.tui.widgets.prompt import PromptBox
from steer_tui.tui.widgets.status import AutoSwitch, StatusFigures


async def test_enter_alone_shows_two_different_texts_behind_the_prompt_that_they_were_made_from() -> None:
    async with make_app(auto=False).run_test(size=(120, 40)) as pilot:
        await generated(pilot)
        assert pane(pilot).text.startswith(" winter+4 the sea was calm")
        assert pane(pilot, Lane.DEFAULT).text.startswith(" the sea was calm")
        assert any(bar in rack(pilot).render_line(0).text for bar in "▃▄▅▆▇█"), "activations stand beside each dial"
        await pilot.press(*"Another")
        await until(pilot, lambda: "stale" in foot(pilot))
        assert pane(pilot).render_line(0).text.startswith("Once upon a time")


async def test_typing_replaces_the_example_prompt_with_letters_that_are_text_and_a_new_line_that_has_a_key() -> None:
    async with make_app(auto=False).run_test() as pilot:
        await pilot.press(*"gasmdxl0", "ctrl+j", "b")
        assert pilot.app.screen.query_one(PromptBox).text == "gasmdxl0\nb"
        assert values(pilot) == [4.0, 0.0, 0.0, 0.0]
        await pilot.press("enter")
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert main_screen(pilot).controller.state.lanes[Lane.STEERED].made_from[0] == "gasmdxl0\nb"


async def test_an_empty_prompt_sends_nothing_and_says_so() -> None:
    engine = ScriptedEngine()
    async with make_app(engine).run_test() as pilot:
        await pilot.press("delete", "enter")
        await pilot.pause(0.1)
        assert engine.requests == []
        assert any("prompt is empty" in toast.message for toast in pilot.app._notifications)


async def test_a_dial_that_moves_restarts_the_steered_text_alone_and_a_new_seed_makes_both_anew() -> None:
    engine = ScriptedEngine()
    async with make_app(engine).run_test() as pilot:
        await generated(pilot)
        await pilot.press("tab", "right")
        await until(pilot, lambda: pane(pilot).text.startswith(" winter+4.5") and foot(pilot).startswith("done"))
        assert [request.lanes for request in engine.requests][2:] == [(Lane.STEERED,)]
        await pilot.press("s")
        await until(pilot, lambda: len(engine.requests) == 5)
        assert len({request.sampling.seed for request in engine.requests}) == 2
        assert engine.requests[3].sampling == engine.requests[4].sampling


async def test_ten_turns_in_a_row_make_one_stream() -> None:
    engine, fake = ScriptedEngine(), FakeTime()
    async with make_app(engine, fake, debounce=1.5).run_test() as pilot:
        await generated(pilot)
        await pilot.press("tab", *["right"] * 10)
        await fake.advance(1.5)
        await until(pilot, lambda: pane(pilot).text.startswith(" winter+9 "))
        assert engine.asked(Lane.STEERED) == 2


async def test_escape_cancels_from_any_focus_and_the_text_so_far_stays() -> None:
    gate = Gate()
    engine = ScriptedEngine(speaking(gate))
    async with make_app(engine).run_test() as pilot:
        lanes, prompt = main_screen(pilot).controller.state.lanes, pilot.app.screen.query_one(PromptBox)
        for focused in (prompt, rack(pilot), pane(pilot)):
            await pilot.press("enter")
            await until(pilot, lambda: engine.open_streams == 2)
            gate.let(6)
            await until(pilot, lambda: isinstance(lanes[Lane.STEERED].phase, Streaming) and pane(pilot).token_count > 0)
            focused.focus()
            await pilot.press("escape")
            await until(pilot, lambda: engine.open_streams == 0)
            await until(pilot, lambda: foot(pilot) == "cancelled")
            assert pane(pilot).text.startswith(" winter+4"), focused
            assert prompt.text.startswith("Once upon a time")


async def test_with_a_quota_a_turned_dial_only_marks_the_text_stale_until_the_auto_switch_is_turned_on() -> None:
    engine = ScriptedEngine(quota=Quota(239, 240))
    async with make_app(engine).run_test() as pilot:
        assert pilot.app.screen.query_one(AutoSwitch).position is False
        await generated(pilot)
        await pilot.press("tab", "right")
        await until(pilot, lambda: "stale" in foot(pilot))
        assert engine.asked(Lane.STEERED) == 1
        assert "stale" not in foot(pilot, Lane.DEFAULT)
        assert pilot.app.screen.query_one(StatusFigures).view.quota == Quota(239, 240)
        await pilot.press("g")
        await until(pilot, lambda: pane(pilot).text.startswith(" winter+4.5") and "stale" not in foot(pilot))


async def test_hostile_text_is_drawn_as_visible_symbols_everywhere() -> None:
    engine = ScriptedEngine(speaking(text="\x1b[2J\x07 \u202egnp \x9b31m [red]x[/red]"))
    async with make_app(engine, prompt="\x1b]0;title\x07 go").run_test(size=(120, 40)) as pilot:
        await generated(pilot)
        picture = pilot.app.export_screenshot()
        assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(picture)
        assert "[red]x[/red]" in picture.replace("&#160;", " ")
        assert engine.requests[0].prompt == "\x1b]0;title\x07 go"


async def test_quitting_closes_the_engine_and_every_stream() -> None:
    gate = Gate()
    engine = ScriptedEngine(speaking(gate))
    async with make_app(engine).run_test() as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: engine.open_streams == 2)
        await pilot.press("ctrl+q")
    assert engine.open_streams == 0
    assert engine.closed


async def test_activations_that_come_after_all_tokens_are_drawn_before_the_text_is_done() -> None:
    gate = Gate()
    words = tokens(" ".join(["word"] * 12))
    late = [ActivationEvent(n, Lane.STEERED, (FeatureActivation("scripted/1/0", "winter", 8.0),)) for n in range(12)]
    steered = [*words, gate, *late[:6], gate, *late[6:], gate, done()]
    default = [token("x", 0, Lane.DEFAULT), done(Lane.DEFAULT)]
    async with make_app(ScriptedEngine(playing(steered, default)), auto=False).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: pane(pilot).token_count == 12)
        for count in (0, 6, 12):
            await until(pilot, lambda count=count: rack(pilot).render_line(0).text.count("█") == count)
            await until(pilot, lambda count=count: drawn_line(pilot).count("█") == count)
            gate.let()
        await until(pilot, lambda: foot(pilot).startswith("done"))


def drawn_line(pilot: Pilot[None]) -> str:
    """The line of the first dial as the terminal has it."""
    picture = pilot.app.export_screenshot().replace("&#160;", " ")
    return next(line for line in picture.splitlines() if ">winter" in line)


class SmallContext(ScriptedEngine):
    """An engine that reads the end of a prompt only, and that has something to load, which is not there."""

    async def prompt_window(self, request: GenerationRequest) -> PromptWindow:
        return PromptWindow(5, len(request.prompt.split()))

    async def prepare(self) -> None:
        raise NotFound("The weights are missing.", hint="Reinstall.")


async def test_an_engine_that_cannot_be_made_ready_says_so_and_the_prompt_how_much_of_it_the_model_reads() -> None:
    async with make_app(SmallContext(), auto=False).run_test() as pilot:
        screen = pilot.app.screen
        await until(pilot, lambda: screen.query_one("#bottom", ContentSwitcher).current == "failure")
        assert str(screen.query_one("#failure-message", Static).content) == "The weights are missing."
        assert str(screen.query_one("#failure-hint", Static).content) == "Reinstall."
        await generated(pilot)
        prompt = screen.query_one(PromptBox)
        assert prompt.border_subtitle == "the model reads the last 5 of 11 tokens"


async def test_rewritten_text_takes_the_place_of_what_no_longer_holds() -> None:
    gate = Gate()
    steps = [*tokens("one two three"), gate, RewindEvent(Lane.STEERED, 1), token(" zwei", 1), done()]
    default = [token("x", 0, Lane.DEFAULT), done(Lane.DEFAULT)]
    async with make_app(ScriptedEngine(playing(steps, default))).run_test() as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: pane(pilot).text == "one two three")
        gate.open()
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert pane(pilot).text == "one zwei"
