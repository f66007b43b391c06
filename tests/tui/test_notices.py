"""Countdown and error banner: what a person sees and can do when something is in the way."""

from fake_time import FakeTime
from scripted_engine import Gate, Script, ScriptedEngine, Steps, done, playing, speaking, tokens
from stage import foot, make_app, pane, rack, until
from textual.pilot import Pilot
from textual.widgets import Button, ContentSwitcher, Static

from steer_tui.domain import Dial, GenerationRequest, Lane, RateLimited, Rejected, Unreachable
from steer_tui.tui.widgets.notices import RemainingTime, clock_face


def shown_notice(pilot: Pilot[None]) -> str | None:
    return pilot.app.screen.query_one("#bottom", ContentSwitcher).current


def offered(pilot: Pilot[None], action: str) -> bool:
    return any(b.binding.action == action and b.enabled for b in pilot.app.screen.active_bindings.values())


def limited(limits: list[RateLimited], gate: Gate | None = None) -> ScriptedEngine:
    """While there are limits, the steered lane is refused with the next."""
    speak = speaking(gate)

    def script(request: GenerationRequest) -> Steps:
        return [limits.pop()] if Lane.STEERED in request.lanes and limits else speak(request)

    return ScriptedEngine(script)


def limit(seconds: float = 600.0) -> RateLimited:
    return RateLimited("Too many requests: 240 an hour.", retry_after=seconds)


def failing(faults: list[Rejected]) -> Script:
    """While there are faults, the steered lane fails with the next."""
    speak = speaking()

    def script(request: GenerationRequest) -> Steps:
        return [faults.pop()] if Lane.STEERED in request.lanes and faults else speak(request)

    return script


async def test_a_rate_limit_counts_down_and_goes_on_by_itself() -> None:
    fake = FakeTime()
    async with make_app(limited([limit(61.0)]), fake).run_test(size=(120, 40)) as pilot:
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


async def test_now_asks_at_once_and_stop_gives_up_by_key_and_by_button_only_while_there_is_a_wait() -> None:
    limits: list[RateLimited] = []
    engine = limited(limits)
    async with make_app(engine).run_test(size=(120, 40)) as pilot:
        await pilot.press("tab")
        for way, end, asked_while_waiting, asked_in_all in (
            ("n", "done", 1, 2),
            ("#now", "done", 1, 2),
            ("escape", "cancel", 1, 1),
            ("#stop", "cancel", 0, 0),  # the limit before it holds on after the stop: nobody is asked
        ):
            assert not any(offered(pilot, action) for action in ("ask_now", "stop", "try_again")), way
            limits.append(limit())
            before = engine.asked(Lane.STEERED)
            await pilot.press("enter")
            await until(pilot, lambda: shown_notice(pilot) == "countdown")
            assert engine.asked(Lane.STEERED) == before + asked_while_waiting, way
            assert [offered(pilot, action) for action in ("ask_now", "stop", "try_again")] == [True, True, False], way
            await (pilot.click(way) if way.startswith("#") else pilot.press(way))
            await until(pilot, lambda end=end: foot(pilot).startswith(end))
            await until(pilot, lambda: shown_notice(pilot) == "status")
            assert engine.asked(Lane.STEERED) == before + asked_in_all, way


async def test_a_dial_turned_during_a_rate_limit_replaces_the_waiting_request() -> None:
    engine = limited([limit()])
    async with make_app(engine).run_test() as pilot:
        await pilot.press("enter", "tab")
        await until(pilot, lambda: shown_notice(pilot) == "countdown")
        await pilot.press("right", "right")
        await pilot.pause(0.1)
        assert shown_notice(pilot) == "countdown"
        assert engine.asked(Lane.STEERED) == 1
        await pilot.press("n")
        await until(pilot, lambda: pane(pilot).text.startswith(" winter+5 "))


async def test_an_error_says_what_to_do_and_try_again_or_a_turned_dial_starts_what_failed() -> None:
    faults: list[Rejected] = []
    engine = ScriptedEngine(failing(faults))
    async with make_app(engine).run_test() as pilot:
        await pilot.press("tab")
        for way in ("r", "#failure Button", "right"):
            faults.append(Rejected("The prompt is too long."))
            await pilot.press("enter")
            await until(pilot, lambda: shown_notice(pilot) == "failure")
            await until(pilot, lambda: foot(pilot, Lane.DEFAULT).startswith("done"))
            assert offered(pilot, "try_again"), way
            asked = engine.asked(Lane.DEFAULT)
            screen = pilot.app.screen
            assert str(screen.query_one("#failure-message", Static).content) == "The prompt is too long."
            assert "Change the request" in str(screen.query_one("#failure-hint", Static).content)
            await (pilot.click(way) if way.startswith("#") else pilot.press(way))
            await until(pilot, lambda: foot(pilot).startswith("done") and shown_notice(pilot) == "status")
            assert engine.asked(Lane.DEFAULT) == asked, way


async def test_try_again_acts_on_the_notice_and_asks_for_unfound_dials_only_once_nothing_has_failed() -> None:
    asked: list[str] = []

    async def find_dials() -> tuple[Dial, ...]:
        asked.append("dials")
        raise Unreachable("Nobody is there.")

    engine = ScriptedEngine(failing([Rejected("The prompt is too long.")]))
    async with make_app(engine, find_dials=find_dials, auto=False).run_test() as pilot:
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


async def test_a_lost_connection_shows_which_attempt_follows_and_keeps_the_text_so_far() -> None:
    lost = [*tokens("the sea"), Unreachable("The connection was lost.")]
    engine = ScriptedEngine(playing(lost, [*tokens("x", Lane.DEFAULT), done(Lane.DEFAULT)]))
    async with make_app(engine, FakeTime()).run_test() as pilot:
        await pilot.press("enter", "tab")
        await until(pilot, lambda: shown_notice(pilot) == "countdown")
        reason = str(pilot.app.screen.query_one("#countdown-reason", Static).content)
        assert "connection was lost" in reason
        assert "Attempt 1 of 3" in reason
        assert pane(pilot).text == "the sea"
        await pilot.press("escape")
        await until(pilot, lambda: foot(pilot) == "cancelled")
        assert pane(pilot).text == "the sea"


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
    engine = limited([limit()], gate)
    async with make_app(engine).run_test() as pilot:
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
    async with make_app(engine).run_test() as pilot:
        await pilot.press("enter", "tab")
        await until(pilot, lambda: shown_notice(pilot) == "failure")
        gate.let(2)
        await until(pilot, lambda: pane(pilot).token_count > 0)
        await pilot.press("escape")
        await until(pilot, lambda: foot(pilot) == "cancelled" and engine.open_streams == 0)


async def test_an_engine_that_breaks_is_an_error_on_the_screen_and_the_app_goes_on() -> None:
    engine = ScriptedEngine(playing([OSError("disk")], [OSError("disk")], [*tokens("well"), done()]))
    async with make_app(engine, auto=False).run_test() as pilot:
        await pilot.press("enter", "tab")
        await until(pilot, lambda: shown_notice(pilot) == "failure")
        message = pilot.app.screen.query_one("#failure-message", Static)
        assert str(message.content) == "The engine broke: OSError."
        await pilot.press("enter")
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert pane(pilot).text == "well"


async def test_hostile_error_words_are_drawn_as_symbols_and_those_that_are_too_long_end_in_an_ellipsis() -> None:
    hostile, long = Rejected("\x1b[2Jbad\nnews [b]"), Rejected(("and much more " * 40).strip())
    engine = ScriptedEngine(playing([hostile], [hostile], [long]))
    async with make_app(engine, auto=False).run_test() as pilot:
        message = pilot.app.screen.query_one("#failure-message", Static)
        for end, lines in (("␛[2Jbad␊news [b]", 1), ("…", 3)):
            await pilot.press("enter")
            await until(pilot, lambda end=end: shown_notice(pilot) == "failure" and str(message.render()).endswith(end))
            assert message.size.height == lines
            assert str(message.render()).count("\n") == lines - 1
