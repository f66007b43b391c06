"""The whole app in front of a real gateway: lost connections, limits, live dials and Esc."""

from engines.gateway.conftest import Open, Serve
from engines.gateway.cutting_proxy import CuttingProxy
from fake_time import FakeTime
from live_engine import LiveEngine
from scripted_engine import Gate, ScriptedEngine, speaking
from stage import DIALS, foot, laid_out, make_app, pane, until
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher, Static

from steer_tui.domain import Lane
from steer_tui.server.serving import running
from steer_tui.server.settings import ServeSettings
from steer_tui.tui.widgets.status import AutoSwitch, LiveSwitch

TEXT = " winter+4 the sea was calm and the night was long"


def bottom(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen_stack[0].query_one("#bottom", ContentSwitcher).current)


def words(pilot: Pilot[None]) -> str:
    """Every word of what stands in the place of the status line."""
    shown = pilot.app.screen_stack[0].query_one("#bottom", ContentSwitcher).visible_content
    assert shown is not None
    return " ".join(str(one.render()) for one in shown.query(Static))


async def test_one_request_makes_both_texts_and_a_dial_turned_live_acts_on_the_one_that_comes(
    serve: Serve, open_at: Open
) -> None:
    behind = LiveEngine(length=6)
    app = make_app(open_at(await serve(behind, rate_limit="10/minute")), live=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await laid_out(pilot)
        await until(pilot, lambda: pilot.app.screen.query_one(LiveSwitch).position is True)
        behind.gate.let(2)
        await pilot.press("enter", "tab")
        await until(pilot, lambda: pane(pilot).token_count == 2)
        assert [request.lanes for request in behind.requests] == [tuple(Lane)]
        assert len(behind.requests[0].watched) == len(DIALS)
        await pilot.press("right")
        await until(pilot, lambda: len(behind.turned) == 1)
        behind.gate.open()
        await until(pilot, lambda: foot(pilot).startswith("done") and foot(pilot, Lane.DEFAULT).startswith("done"))
        assert foot(pilot) == "done · 6 tokens · 1 turn"
        assert pane(pilot).text == " winter+4" * 2 + " winter+4.5" * 4
        assert pane(pilot, Lane.DEFAULT).text == " plain" * 6
        await until(pilot, lambda: pilot.app.screen.query_one(AutoSwitch).position is False)
        assert len(behind.requests) == 1


async def test_a_lost_connection_and_a_limit_are_counted_down_and_what_the_engine_behind_cannot_is_not_offered(
    serve: Serve, open_at: Open
) -> None:
    behind, fake = ScriptedEngine(), FakeTime()
    async with CuttingProxy(await serve(behind, rate_limit="1/minute"), [7]) as proxy:
        app = make_app(open_at(proxy.url), fake, auto=False, live=True)
        async with app.run_test(size=(120, 40)) as pilot:
            await laid_out(pilot)
            await pilot.press("enter")
            await until(pilot, lambda: bottom(pilot) == "countdown" and pane(pilot).text == " winter+4 the")
            await fake.advance(2.0)
            await until(pilot, lambda: foot(pilot).startswith("done") and foot(pilot, Lane.DEFAULT).startswith("done"))
            assert pane(pilot).text == TEXT
            assert pane(pilot, Lane.DEFAULT).text == TEXT.removeprefix(" winter+4")
            assert len(behind.requests) == 1
            assert pilot.app.screen.query_one(LiveSwitch).position is None, "the engine behind cannot"
            await pilot.press("enter")
            await until(pilot, lambda: bottom(pilot) == "countdown")
            assert "allows 1 request in 1 minute" in words(pilot)
            await pilot.press("escape")
            await until(pilot, lambda: foot(pilot) == "cancelled" or bottom(pilot) == "status")


async def test_esc_leaves_the_text_and_ends_what_is_behind_the_gateway_also_in_a_countdown(
    serve: Serve, open_at: Open
) -> None:
    gate = Gate()
    behind = ScriptedEngine(speaking(gate))
    async with CuttingProxy(await serve(behind), [1000, 4]) as proxy:
        app = make_app(open_at(proxy.url), FakeTime(), auto=False)
        async with app.run_test(size=(120, 40)) as pilot:
            await laid_out(pilot)
            gate.let(4)
            await pilot.press("enter")
            await until(pilot, lambda: pane(pilot).text == " winter+4 the")
            await pilot.press("escape")
            await until(pilot, lambda: foot(pilot).startswith("cancelled"))
            await until(pilot, lambda: behind.open_streams == 0)
            assert pane(pilot).text == " winter+4 the"
            gate.let(4)
            await pilot.press("enter")
            await until(pilot, lambda: bottom(pilot) == "countdown")
            assert behind.open_streams == 1
            await pilot.press("escape")
            await until(pilot, lambda: behind.open_streams == 0)


async def test_a_server_that_dies_leaves_the_text_so_far_and_a_message(open_at: Open) -> None:
    fake, gate = FakeTime(), Gate()
    async with running(ScriptedEngine(speaking(gate)), ServeSettings(port=0)) as url:
        app = make_app(open_at(url), fake, auto=False)
        running_app = app.run_test(size=(120, 40))
        pilot = await running_app.__aenter__()
        await laid_out(pilot)
        gate.let(4)
        await pilot.press("enter")
        await until(pilot, lambda: pane(pilot).text == " winter+4 the")
    try:
        for seconds in (2.0, 4.0, 8.0):
            await until(pilot, lambda: bottom(pilot) == "countdown")
            before = fake.now
            await fake.advance(seconds)
            assert fake.now == before + seconds
        await until(pilot, lambda: bottom(pilot) == "failure")
        assert "connection was refused" in words(pilot)
        assert pane(pilot).text == " winter+4 the"
    finally:
        await running_app.__aexit__(None, None, None)
