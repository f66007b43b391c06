"""The app over a real loopback Neuronpedia, and what is seen of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cli.service import BRIDGE, MODEL, routes
from fake_time import FakeTime
from loopback import Call, Handler, Loopback
from stage import laid_out, make_app
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher, Static

from steer_tui.domain import Dial, Feature
from steer_tui.engines.neuronpedia import HostedNeuronpedia
from steer_tui.tui.widgets.status import StatusFigures

BRIDGES = Feature(BRIDGE, "bridges", 8.0, unit_origin="1/5 of its highest known activation")
LINK = "https://www.neuronpedia.org/steer/abc"


@asynccontextmanager
async def on_stage(
    folder: Path, fake: FakeTime | None = None, size: tuple[int, int] = (120, 40), **handlers: Handler
) -> AsyncIterator[tuple[Loopback, Pilot[None]]]:
    """The app with one dial, and the service that it asks."""
    async with Loopback(routes(**handlers)) as server:
        engine = HostedNeuronpedia(MODEL, url=server.url, answers=folder, replay_pace_ms=0)
        app = make_app(engine, fake, dials=(Dial(BRIDGES, 5.0),))
        async with app.run_test(size=size) as pilot:
            await laid_out(pilot)
            yield server, pilot


def steers(server: Loopback) -> list[Call]:
    return [call for call in server.calls if call.path == "/api/steer"]


def figures(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one(StatusFigures).render())


def notice(pilot: Pilot[None]) -> str | None:
    return pilot.app.screen.query_one("#bottom", ContentSwitcher).current


def failure(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#failure-message", Static).content)
