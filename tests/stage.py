"""The app on a stage: with a scripted engine, a debounce too short to wait for, and a patient eye."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from fake_time import FakeTime
from scripted_engine import FEATURES, ScriptedEngine, speaking
from textual.pilot import Pilot

from steer_tui.domain import Dial, Lane
from steer_tui.tui.app import AppOptions, SteerApp
from steer_tui.tui.screens.main import MainScreen
from steer_tui.tui.sizes import TALL, WIDE
from steer_tui.tui.widgets.key_line import KeyLine
from steer_tui.tui.widgets.output import OutputPane
from steer_tui.tui.widgets.rack import DialRack

DIALS = (Dial(FEATURES[0], 4.0), Dial(FEATURES[1]), Dial(FEATURES[2]), Dial(FEATURES[3]))


def make_app(engine: ScriptedEngine | None = None, fake: FakeTime | None = None, **options: Any) -> SteerApp:
    """The app with four dials, the first at +4; with a fake time, what the app waits for waits for the test."""
    settings = {"dials": DIALS, "debounce": 0.02, **options}
    clocks = {"clock": fake.clock, "sleep": fake.sleep} if fake else {}
    app = SteerApp(engine or ScriptedEngine(speaking()), AppOptions(**settings), **clocks)
    app.NOTIFICATION_TIMEOUT = 600.0  # a toast stays to be read, however slow the machine is
    return app


def pane(pilot: Pilot[None], lane: Lane = Lane.STEERED) -> OutputPane:
    """The pane of a lane."""
    return pilot.app.screen_stack[0].query_one(f"#{lane.value}", OutputPane)


def rack(pilot: Pilot[None]) -> DialRack:
    """The dial rack."""
    return pilot.app.screen_stack[0].query_one(DialRack)


def values(pilot: Pilot[None]) -> list[float]:
    """The values of the dials, top to bottom."""
    return [dial.value for dial in rack(pilot).rack.dials]


def main_screen(pilot: Pilot[None]) -> MainScreen:
    """The main screen, also below another."""
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, MainScreen)
    return screen


def foot(pilot: Pilot[None], lane: Lane = Lane.STEERED) -> str:
    """The words at the foot of a pane's border."""
    return str(pane(pilot, lane).border_subtitle)


async def until(pilot: Pilot[None], holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds, or fail."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s: {pilot.app.screen}"
        await asyncio.sleep(0.01)
    await pilot.pause()


async def laid_out(pilot: Pilot[None]) -> None:
    """Wait until every widget has the place that the size of the screen gives it."""
    await until(pilot, lambda: bool(pilot.app.screen.query(DialRack)))
    width = pilot.app.size.width
    rows = 3 if width >= WIDE else 2 if pilot.app.size.height >= TALL else 1
    await until(pilot, lambda: rack(pilot).rows_a_dial == rows and 0 < rack(pilot).size.width < width)
    await pilot.pause()


async def click_key(pilot: Pilot[None], action: str) -> None:
    """Wait until a key stands on the key line, and click it."""
    line = pilot.app.screen.query_one(KeyLine)
    await until(pilot, lambda: any(place.key.action == action for place in line.placed))
    (place,) = (place for place in line.placed if place.key.action == action)
    await pilot.click(line, offset=(place.start, 0))


async def generated(pilot: Pilot[None], key: str = "enter") -> None:
    """Press a key that generates, and wait until both texts are there."""
    await pilot.press(key)
    await until(pilot, lambda: foot(pilot).startswith("done") and foot(pilot, Lane.DEFAULT).startswith("done"))
