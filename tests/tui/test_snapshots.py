"""The screens as pictures; a change shows in `snapshot_report.html`, and `pytest --snapshot-update` accepts it."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from scripted_engine import ScriptedEngine, playing, speaking
from stage import generated, laid_out, make_app, until
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher

from steer_tui.domain import RateLimited, Rejected
from steer_tui.tui.screens.help import HelpScreen
from steer_tui.tui.screens.picker import PickerScreen
from steer_tui.tui.widgets.notices import RemainingTime
from steer_tui.tui.widgets.status import StatusFigures

STORY = (
    "lived by the sea . Every day the boats came home with silver fish , and every evening the lamps were lit . "
    "One night a storm came up , and nobody slept until the morning ."
)


async def calm(pilot: Pilot[None]) -> None:
    """Generate, go to the dials, and take out the figures that the clock makes."""
    await laid_out(pilot)
    await generated(pilot)
    await pilot.press("tab", "down")
    await pilot.pause(0.1)
    figures = pilot.app.screen.query_one(StatusFigures)
    figures.view = replace(figures.view, tokens_per_second=None, seconds_to_first_token=None)
    await pilot.pause()


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_main_screen(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    app = make_app(ScriptedEngine(speaking(text=STORY)))
    assert snap_compare(app, terminal_size=size, run_before=calm)


@pytest.mark.parametrize("theme", ["ansi-dark", "textual-light"])
def test_other_themes(snap_compare: Callable[..., bool], theme: str) -> None:
    app = make_app(ScriptedEngine(speaking(text=STORY)), theme=theme)
    assert snap_compare(app, terminal_size=(100, 30), run_before=calm)


def test_countdown(snap_compare: Callable[..., bool]) -> None:
    async def waiting(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        await pilot.press("enter", "tab")
        bottom = pilot.app.screen.query_one("#bottom", ContentSwitcher)
        await until(pilot, lambda: bottom.current == "countdown")
        pilot.app.screen.query_one(RemainingTime).until = time.monotonic() + 59.9
        await pilot.pause()

    refused = [RateLimited("You have made 240 requests within 60 minutes.", retry_after=3000)]
    app = make_app(ScriptedEngine(playing(refused)))
    assert snap_compare(app, terminal_size=(80, 24), run_before=waiting)


def test_failure(snap_compare: Callable[..., bool]) -> None:
    async def failed(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        await pilot.press("enter", "tab")
        bottom = pilot.app.screen.query_one("#bottom", ContentSwitcher)
        await until(pilot, lambda: bottom.current == "failure")

    app = make_app(ScriptedEngine(playing([Rejected("The prompt has 2,300 characters; 2,048 are allowed.")])))
    assert snap_compare(app, terminal_size=(80, 24), run_before=failed)


def test_picker(snap_compare: Callable[..., bool]) -> None:
    async def picking(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        await pilot.press("tab", "a")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickerScreen))
        pilot.app.screen.query_one("Input").cursor_blink = False  # type: ignore[attr-defined]
        await pilot.press("o")
        await pilot.pause(0.1)

    assert snap_compare(make_app(auto=False), terminal_size=(100, 30), run_before=picking)


def test_help(snap_compare: Callable[..., bool]) -> None:
    async def helping(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        await pilot.press("tab", "question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))

    assert snap_compare(make_app(auto=False), terminal_size=(100, 50), run_before=helping)
