"""Countdown and error banner: what a person sees and can do when something is in the way."""

import pytest
from fake_time import FakeTime
from scripted_engine import Gate, Script, ScriptedEngine, Steps, done, playing, speaking, tokens
from stage import foot, generated, main_screen, make_app, pane, rack, until
from textual.pilot import Pilot
from textual.widgets import Button, ContentSwitcher, Static

from steer_tui.domain import Dial, GenerationRequest, Lane, RateLimited, Rejected, Unreachable
from steer_tui.tui.widgets.notices import RemainingTime, clock_face


def shown_notice(pilot: Pilot[None]) -> str | None:
    return pilot.app.screen.query_one("#bottom", ContentSwitcher).current


def limited_once(seconds: float, gate: Gate | None = None) -> ScriptedEngine:
    """The first request of the steered lane is refused; the default lane waits for it and then speaks."""
    refused = iter([True])
    speak = speaking(gate)

    def script(request: GenerationRequest) -> Steps:
        if next(refused, False):
            return [RateLimited("Too many requests: 240 an hour.", retry_after=seconds)]
        return speak(request)

    return ScriptedEngine(script)


async def test_a_rate_limit_counts_down_and_goes_on_by_itself() -> None:
    fake = FakeTime()
    async with make_app(limited_once(61.0), fake).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: shown_notice(pilot) == "countdown")
        assert "240 an hour" in str(pilot.app.screen.query_one("#countdown-reason", Static).content)
        remaining = pilot.app.screen.query_one(RemainingTime)
        assert remaining.face == "1:01"
        for seconds, face in ((1.5, "1:00"), (58.5, "0:01")):
            await fake.advance(seconds)
            await until(pilot, lambda face=face: remaining.face == face)
        assert shown_notice(pilot) == "countdown"
        await fake.advance(1.0)
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert shown_notice(pilot) == "status"


async def test_now_asks_at_once_and_stop_gives_up_by_key_and_by_button() -> None:
    for press_now in (True, False):
        for by_mouse in (True, False):
            engine = limited_once(600.0)
            async with make_app(engine).run_test(size=(120, 40)) as pilot:
                await pilot.press("enter", "tab")
                await until(pilot, lambda: shown_notice(pilot) == "countdown")
                assert engine.asked(Lane.STEERED) == 1
                if by_mouse:
                    await pilot.click("#now" if press_now else "#stop")
                else:
                    await pilot.press("n" if press_now else "escape")
                expected = "done" if press_now else "cancelled"
                await until(pilot, lambda: foot(pilot).startswith(expected))  # noqa: B023
                assert engine.asked(Lane.STEERED) == (2 if press_now else 1)


async def test_a_dial_turned_during_a_rate_limit_replaces_the_waiting_request() -> None:
    engine = limited_once(600.0)
    async with make_app(engine).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter", "tab")
        await until(pilot, lambda: shown_notice(pilot) == "countdown")
        await pilot.press("right", "right")
        await pilot.pause(0.1)
        assert shown_notice(pilot) == "countdown"
        assert engine.asked(Lane.STEERED) == 1
        await pilot.press("n")
        await until(pilot, lambda: pane(pilot).text.startswith(" winter+5 "))


async def test_an_error_says_what_to_do_and_try_again_starts_what_failed() -> None:
    for by_mouse in (True, False):
        engine = ScriptedEngine(_failing_once())
        async with make_app(engine).run_test(size=(120, 40)) as pilot:
            await pilot.press("enter", "tab")
            await until(pilot, lambda: shown_notice(pilot) == "failure")
            await until(pilot, lambda: foot(pilot, Lane.DEFAULT).startswith("done"))
            screen = pilot.app.screen
            assert str(screen.query_one("#failure-message", Static).content) == "The prompt is too long."
            assert "Change the request" in str(screen.query_one("#failure-hint", Static).content)
            if by_mouse:
                await pilot.click("#failure Button")
            else:
                await pilot.press("r")
            await until(pilot, lambda: foot(pilot).startswith("done"))
            assert shown_notice(pilot) == "status"
            assert engine.asked(Lane.DEFAULT) == 1


async def test_try_again_acts_on_the_notice_and_asks_for_unfound_dials_only_once_nothing_has_failed() -> None:
    asked: list[str] = []

    async def find_dials() -> tuple[Dial, ...]:
        asked.append("dials")
        raise Unreachable("Nobody is there.")

    engine = ScriptedEngine(_failing_once())
    async with make_app(engine, find_dials=find_dials, auto=False).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: shown_notice(pilot) == "failure")
        message = pilot.app.screen.query_one("#failure-message", Static)
        assert str(message.content) == "Nobody is there."
        await pilot.press("enter", "tab")
        await until(pilot, lambda: str(message.content) == "The prompt is too long.")
        await pilot.press("r")
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert asked == ["dials"]
        await pilot.press("r")
        await until(pilot, lambda: asked == ["dials"] * 2)
        assert engine.asked(Lane.STEERED) == 2


async def test_the_buttons_name_the_keys_as_they_are_bound() -> None:
    keys = {"main.now": "f6", "main.cancel": "left_square_bracket", "main.try-again": "slash"}
    async with make_app(auto=False, keys=keys).run_test() as pilot:
        labels = [str(button.label) for button in pilot.app.screen.query(Button)]
        assert labels == ["now (f6)", "stop ([)", "try again (/)", "stop ([)", "try again (/)"]


def _failing_once() -> Script:
    refused = iter([True])
    speak = speaking()

    def script(request: GenerationRequest) -> Steps:
        if Lane.STEERED in request.lanes and next(refused, False):
            return [Rejected("The prompt is too long.")]
        return speak(request)

    return script


async def test_a_lost_connection_shows_which_attempt_follows_and_keeps_the_text_so_far() -> None:
    lost = [*tokens("the sea"), Unreachable("The connection was lost.")]
    engine = ScriptedEngine(playing(lost, [*tokens("x", Lane.DEFAULT), done(Lane.DEFAULT)]))
    async with make_app(engine, FakeTime()).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter", "tab")
        await until(pilot, lambda: shown_notice(pilot) == "countdown")
        reason = str(pilot.app.screen.query_one("#countdown-reason", Static).content)
        assert "connection was lost" in reason
        assert "Attempt 1 of 3" in reason
        assert pane(pilot).text == "the sea"
        await pilot.press("escape")
        await until(pilot, lambda: foot(pilot) == "cancelled")
        assert pane(pilot).text == "the sea"


async def test_hostile_error_words_are_drawn_as_symbols() -> None:
    engine = ScriptedEngine(playing([Rejected("\x1b[2Jbad\nnews [b]")]))
    async with make_app(engine).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: shown_notice(pilot) == "failure")
        assert str(pilot.app.screen.query_one("#failure-message", Static).content) == "␛[2Jbad␊news [b]"


async def test_keys_for_waits_and_errors_are_offered_only_when_they_do_something() -> None:
    gate = Gate()
    async with make_app(ScriptedEngine(speaking(gate))).run_test(size=(120, 40)) as pilot:

        def offered(action: str) -> bool:
            return any(b.binding.action == action and b.enabled for b in pilot.app.screen.active_bindings.values())

        assert not offered("ask_now")
        assert not offered("try_again")
        assert not offered("stop")
        gate.open()
        await generated(pilot)
        assert not any(lane.error for lane in main_screen(pilot).controller.state.lanes.values())


def test_the_clock_face_rounds_up() -> None:
    assert [clock_face(s) for s in (0, -3, 0.2, 59.1, 60, 61.5, 3600)] == [
        "0:00",
        "0:00",
        "0:01",
        "1:00",
        "1:00",
        "1:02",
        "60:00",
    ]


async def test_enter_after_a_pressed_button_never_presses_the_hidden_one_beside_it() -> None:
    gate = Gate()
    engine = limited_once(600.0, gate)
    async with make_app(engine).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: shown_notice(pilot) == "countdown")
        pilot.app.screen.query_one("#now").focus()
        await pilot.press("enter")
        await until(pilot, lambda: shown_notice(pilot) == "status")
        assert rack(pilot).has_focus
        gate.open()
        await until(pilot, lambda: foot(pilot).startswith("done"))


async def test_escape_cancels_the_lane_that_runs_while_the_other_has_failed() -> None:
    gate = Gate()
    speak = speaking(gate)

    def script(request: GenerationRequest) -> Steps:
        return [Rejected("No.")] if Lane.DEFAULT in request.lanes else speak(request)

    engine = ScriptedEngine(script)
    async with make_app(engine).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter", "tab")
        await until(pilot, lambda: shown_notice(pilot) == "failure")
        gate.let(2)
        await until(pilot, lambda: pane(pilot).token_count > 0)
        await pilot.press("escape")
        await until(pilot, lambda: foot(pilot) == "cancelled" and engine.open_streams == 0)


async def test_an_engine_that_breaks_is_an_error_on_the_screen_and_the_app_goes_on() -> None:
    engine = ScriptedEngine(playing([OSError("disk")], [OSError("disk")], [*tokens("well"), done()]))
    async with make_app(engine, auto=False).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter", "tab")
        await until(pilot, lambda: shown_notice(pilot) == "failure")
        message = pilot.app.screen.query_one("#failure-message", Static)
        assert str(message.content) == "The engine broke: OSError."
        await pilot.press("enter")
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert pane(pilot).text == "well"


@pytest.mark.parametrize(("words", "end"), [("it fits", "it fits"), ("and much more " * 40, "…")])
async def test_an_error_that_is_longer_than_its_place_ends_in_an_ellipsis(words: str, end: str) -> None:
    engine = ScriptedEngine(playing([Rejected(words.strip())]))
    async with make_app(engine, auto=False).run_test(size=(80, 24)) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: shown_notice(pilot) == "failure")
        message = pilot.app.screen.query_one("#failure-message", Static)
        await until(pilot, lambda: str(message.render()).endswith(end))
        assert message.size.height == (3 if end == "…" else 1)
        assert str(message.render()).count("\n") == message.size.height - 1


async def test_a_dial_that_is_turned_after_a_failure_generates_by_itself_and_takes_the_error_away() -> None:
    engine = ScriptedEngine(_failing_once())
    async with make_app(engine).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter", "tab")
        await until(pilot, lambda: shown_notice(pilot) == "failure")
        await pilot.press("right")
        await until(pilot, lambda: foot(pilot).startswith("done") and shown_notice(pilot) == "status")
