"""A text that was lost and came otherwise: the foot of its pane says so until the next text."""

from itertools import cycle

from fake_time import FakeTime
from scripted_engine import ScriptedEngine, Step, done, tokens
from stage import foot, generated, make_app, pane, until
from textual.widgets import ContentSwitcher

from steer_tui.domain import GenerationRequest, Lane, Unreachable

LOST: list[Step] = [*tokens("the sea is"), Unreachable("The connection was lost.")]
AGAIN: list[Step] = [*tokens("the sky is deep"), done()]


async def test_a_text_that_came_otherwise_says_so_until_the_next_one() -> None:
    fake, scripts = FakeTime(), cycle([LOST, AGAIN, AGAIN])

    def script(request: GenerationRequest) -> list[Step]:
        plain: list[Step] = [*tokens("plain words", Lane.DEFAULT), done(Lane.DEFAULT)]
        return next(scripts) if Lane.STEERED in request.lanes else plain

    async with make_app(ScriptedEngine(script), fake, auto=False).run_test(size=(120, 40)) as pilot:
        bottom = pilot.app.screen.query_one("#bottom", ContentSwitcher)
        for way in ("by itself", "n", "click"):
            await pilot.press("enter")
            await until(pilot, lambda: bottom.current == "countdown" and foot(pilot, Lane.DEFAULT).startswith("done"))
            assert pane(pilot).text == "the sea is", way
            if way == "by itself":
                await fake.advance(2.0)
            elif way == "n":
                await pilot.press("tab", "n")
            else:
                await pilot.click("#now")
            await until(pilot, lambda: foot(pilot) == "done · came otherwise · 4 tokens")
            assert pane(pilot).text == "the sky is deep", way
            assert foot(pilot, Lane.DEFAULT) == "done · 2 tokens", way
            if way == "by itself":
                drawn = pilot.app.export_screenshot().replace("&#160;", " ")
                assert f" {foot(pilot)} " in drawn, "the border has room for it"
            await generated(pilot)
            await until(pilot, lambda: foot(pilot) == "done · 4 tokens")
