"""A text that was lost and came otherwise: the foot of its pane says so until the next text."""

import pytest
from fake_time import FakeTime
from scripted_engine import ScriptedEngine, Step, done, tokens
from stage import foot, generated, make_app, pane, until
from textual.widgets import ContentSwitcher

from steer_tui.domain import GenerationRequest, Lane, Unreachable

LOST: list[Step] = [*tokens("the sea is"), Unreachable("The connection was lost.")]
AGAIN: list[Step] = [*tokens("the sky is deep"), done()]


@pytest.mark.parametrize("way", ["by itself", "n", "click"])
async def test_a_text_that_came_otherwise_says_so_until_the_next_one(way: str) -> None:
    fake, scripts = FakeTime(), iter([LOST])

    def script(request: GenerationRequest) -> list[Step]:
        plain: list[Step] = [*tokens("plain words", Lane.DEFAULT), done(Lane.DEFAULT)]
        return next(scripts, AGAIN) if Lane.STEERED in request.lanes else plain

    async with make_app(ScriptedEngine(script), fake, auto=False).run_test(size=(120, 40)) as pilot:
        await pilot.press("enter", "tab")
        bottom = pilot.app.screen.query_one("#bottom", ContentSwitcher)
        await until(pilot, lambda: bottom.current == "countdown" and foot(pilot, Lane.DEFAULT).startswith("done"))
        assert pane(pilot).text == "the sea is"
        if way == "by itself":
            await fake.advance(2.0)
        elif way == "n":
            await pilot.press("n")
        else:
            await pilot.click("#now")
        await until(pilot, lambda: foot(pilot) == "done · came otherwise · 4 tokens")
        assert pane(pilot).text == "the sky is deep"
        assert foot(pilot, Lane.DEFAULT) == "done · 2 tokens"
        assert f" {foot(pilot)} " in pilot.app.export_screenshot().replace("&#160;", " "), "the border has room for it"
        await generated(pilot)
        await until(pilot, lambda: foot(pilot) == "done · 4 tokens")
