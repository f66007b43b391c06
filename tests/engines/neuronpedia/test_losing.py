"""Lost streams are asked for again where that helps, and what is shown goes on; where it cannot help, nobody is."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from engines.neuronpedia.serving import (
    DEFAULT,
    FRAMES,
    HEADERS,
    MODEL,
    STEERED,
    Serve,
    asking,
    frame,
    steer_calls,
    streaming,
    text_of,
)
from fake_time import FakeTime
from loopback import Call, Handler, Loopback
from secure import server_context

from steer_tui.domain import Event, Lane, RewindEvent, SteerError, TimedOut, TokenEvent, Truncated, Unreachable
from steer_tui.engines.neuronpedia import HostedNeuronpedia
from steer_tui.generation import Deadlines, Pause, deliver


class Delivery:
    """One request brought home; what came, and why it was asked for again."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.begun = asyncio.Event()
        self.losses: list[SteerError] = []
        self.different: list[Lane] = []

    async def run(self, engine: HostedNeuronpedia, time: FakeTime | None = None) -> None:
        async def pause(wait: Pause) -> None:
            self.losses.append(wait.error)

        def take(event: Event) -> None:
            self.events.append(event)
            self.begun.set()

        time = time or FakeTime()
        await deliver(
            engine,
            asking(),
            take,
            pause,
            on_difference=self.different.append,
            deadlines=Deadlines(),
            clock=time.clock,
            sleep=time.sleep,
        )

    def tokens(self, lane: Lane) -> list[str]:
        return [event.token for event in self.events if isinstance(event, TokenEvent) and event.lane is lane]


def _one_after_the_other(handlers: Sequence[Handler]) -> Handler:
    left = list(handlers)

    async def steer(call: Call) -> None:
        await left.pop(0)(call)

    return steer


async def _lose(call: Call) -> None:
    await call.start(headers=HEADERS)
    for each in FRAMES[:3]:
        await call.chunk(each)
    await call.cut()


async def test_a_lost_stream_is_asked_for_again_with_the_same_seed_and_no_token_comes_twice(serve: Serve) -> None:
    server, engine = await serve({"POST /api/steer": _one_after_the_other([_lose, streaming()])})
    delivery = Delivery()
    await delivery.run(engine)
    assert [type(loss) for loss in delivery.losses] == [Truncated]
    assert delivery.tokens(Lane.STEERED) == [" the", " Golden", " Gate"]
    assert delivery.tokens(Lane.DEFAULT) == [" a", " tower", "."]
    assert delivery.different == []
    first, second = steer_calls(server)
    assert first.json == second.json


async def test_a_text_that_comes_otherwise_is_rewound_to_where_it_differs_and_that_is_told(serve: Serve) -> None:
    other = (frame(" the Silver", " a"), frame(" the Silver Bridge", " a tower.", "abc123"))
    _, engine = await serve({"POST /api/steer": _one_after_the_other([_lose, streaming(other)])})
    delivery = Delivery()
    await delivery.run(engine)
    assert [event for event in delivery.events if isinstance(event, RewindEvent)] == [RewindEvent(Lane.STEERED, 1)]
    assert delivery.different == [Lane.STEERED]
    assert text_of(delivery.events, Lane.STEERED) == " the Silver Bridge"
    assert text_of(delivery.events, Lane.DEFAULT) == DEFAULT


async def test_a_service_that_falls_silent_is_left_and_asked_again(serve: Serve) -> None:
    async def fall_silent(call: Call) -> None:
        await call.start(headers=HEADERS)
        await call.chunk(FRAMES[0])
        await call.silence()

    server, engine = await serve({"POST /api/steer": _one_after_the_other([fall_silent, streaming()])})
    delivery, time = Delivery(), FakeTime()
    running = asyncio.create_task(delivery.run(engine, time))
    await asyncio.wait_for(delivery.begun.wait(), 10)
    await time.advance(60.0)
    await running
    assert [type(loss) for loss in delivery.losses] == [TimedOut]
    await steer_calls(server)[0].gone.wait()
    assert text_of(delivery.events, Lane.STEERED) == STEERED


async def test_a_service_whose_certificate_nobody_vouches_for_is_told_and_not_asked_again(tmp_path: Path) -> None:
    async with Loopback({"POST /api/steer": streaming()}, server_context(tmp_path)) as server:
        engine = HostedNeuronpedia(MODEL, url=server.url, answers=tmp_path / "answers")
        delivery = Delivery()
        with pytest.raises(Unreachable, match="certificate that cannot be trusted"):
            await delivery.run(engine)
        diagnosis = await engine.diagnose()
        await engine.aclose()
        assert server.calls == []
    assert delivery.losses == []
    assert not diagnosis.is_reachable
    assert "certificate" in (diagnosis.problem or "")
    assert "Trying again will not help" in (diagnosis.hint or "")
