"""The picture at the head of the README: the app on the embedded model, as a newcomer meets it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from stage import foot, laid_out, until
from textual.pilot import Pilot

from steer_tui.domain import Dial, Lane
from steer_tui.engines import open_engine
from steer_tui.tui.app import AppOptions, SteerApp
from steer_tui.tui.widgets.status import StatusFigures


def test_readme_picture(snap_compare: Callable[..., bool]) -> None:
    engine = open_engine("builtin")
    first, *others = asyncio.run(engine.find_features("", 4))
    app = SteerApp(engine, AppOptions(dials=(Dial(first, 4.0), *map(Dial, others))))

    async def generated(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        await pilot.press("enter", "tab")
        for lane in Lane:
            await until(pilot, lambda lane=lane: foot(pilot, lane).startswith("done"), seconds=60)
        await pilot.pause(0.1)
        figures = pilot.app.screen.query_one(StatusFigures)
        figures.view = replace(figures.view, tokens_per_second=None, seconds_to_first_token=None)
        await pilot.pause()

    assert snap_compare(app, terminal_size=(120, 34), run_before=generated)
