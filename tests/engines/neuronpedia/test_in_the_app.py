"""The whole app over a real loopback service that fails: what is shown stays, and the text goes on by itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from engines.neuronpedia.serving import (
    CITY,
    DEFAULT,
    FRAMES,
    HEADERS,
    MODEL,
    STEERED,
    refusing,
    steer_calls,
    streaming,
)
from fake_time import FakeTime
from loopback import Call, Handler, Loopback
from stage import foot, laid_out, make_app, pane, until
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher

from steer_tui.domain import Dial, Lane
from steer_tui.engines.neuronpedia import HostedNeuronpedia
from steer_tui.tui.widgets.notices import RemainingTime

LIMITED = {"endpoint": "/api/steer", "limitPerWindow": 240, "requestWindow": "60 m", "remainingRequests": 0}


@asynccontextmanager
async def on_stage(
    folder: Path, fake: FakeTime, handlers: Sequence[Handler]
) -> AsyncIterator[tuple[Loopback, Pilot[None]]]:
    """The app with one dial, and a service that answers each request in its own way."""
    left = list(handlers)

    async def steer(call: Call) -> None:
        await left.pop(0)(call)

    async with Loopback({"POST /api/steer": steer}) as server:
        engine = HostedNeuronpedia(MODEL, url=server.url, answers=folder)
        async with make_app(engine, fake, dials=(Dial(CITY, 4.0),)).run_test(size=(120, 40)) as pilot:
            await laid_out(pilot)
            yield server, pilot


def waits(pilot: Pilot[None]) -> bool:
    return pilot.app.screen.query_one("#bottom", ContentSwitcher).current == "countdown"


async def lose(call: Call) -> None:
    await call.start(headers=HEADERS)
    for each in FRAMES[:3]:
        await call.chunk(each)
    await call.cut()


async def test_a_stream_that_breaks_goes_on_behind_what_is_shown(tmp_path: Path) -> None:
    fake = FakeTime()
    async with on_stage(tmp_path, fake, [lose, streaming()]) as (server, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: waits(pilot))
        assert pane(pilot).text == " the Golden"
        await fake.advance(2.0)
        await until(pilot, lambda: foot(pilot) == "done · 3 tokens" and foot(pilot, Lane.DEFAULT) == "done · 3 tokens")
        assert (pane(pilot).text, pane(pilot, Lane.DEFAULT).text) == (STEERED, DEFAULT)
        first, second = steer_calls(server)
        assert first.json == second.json


async def test_a_limit_that_names_no_time_is_waited_for_a_minute_and_goes_on_by_itself(tmp_path: Path) -> None:
    fake = FakeTime()
    async with on_stage(tmp_path, fake, [refusing(429, LIMITED), streaming()]) as (server, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: waits(pilot))
        assert pilot.app.screen.query_one(RemainingTime).face == "1:00"
        await fake.advance(59.0)
        assert len(steer_calls(server)) == 1
        await fake.advance(1.5)
        await until(pilot, lambda: foot(pilot) == "done · 3 tokens")
        assert len(steer_calls(server)) == 2
