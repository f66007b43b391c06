"""That streams are closed whatever happens, and that a fast one leaves time for the rest of the app."""

import asyncio
import time as real_time
from collections.abc import AsyncGenerator

import pytest
from delivering import Delivery
from fake_time import settle
from scripted_engine import Gate, Step, done, playing, speaking, token

from steer_tui.domain import Event, GenerationRequest, Lane, Malformed, TokenEvent, Unreachable

COUNT = 30_000


@pytest.mark.parametrize(
    "steps",
    [
        [token("a"), done()],
        [token("a"), Malformed("Not the protocol.")],
        [token("a")],
        [token("a"), done(), Gate()],
        [token("a"), done(), Unreachable("Gone.")],
    ],
    ids=["completion", "error", "end without done", "silence after done", "loss after done"],
)
async def test_the_stream_is_closed_after(steps: list[Step]) -> None:
    delivery = Delivery(playing(steps))
    await delivery.pass_time(1.0)
    assert delivery.engine.log[:2] == ["open 1 steered", "close 1 steered"]
    delivery.task.cancel()
    await settle()


async def test_the_stream_is_closed_on_cancel() -> None:
    delivery = Delivery(speaking(Gate()))
    await delivery.pass_time()
    assert delivery.engine.open_streams == 1
    delivery.task.cancel()
    assert isinstance(await delivery.end(0), asyncio.CancelledError)
    assert delivery.engine.open_streams == 0


async def test_an_attempt_is_closed_before_the_next_one_opens() -> None:
    delivery = Delivery(playing([Unreachable("Gone.")], [token("a"), done()]), closing=1.0)
    await delivery.end()
    assert delivery.engine.log == ["open 1 steered", "close 1 steered", "open 2 steered", "close 2 steered"]


async def test_a_cancel_that_the_engine_takes_for_a_lost_connection_still_cancels() -> None:
    async def mistaken(_: GenerationRequest) -> AsyncGenerator[Step, None]:
        try:
            await Gate().wait()
        except asyncio.CancelledError:
            raise Unreachable("The connection was lost.") from None
        yield token("never")

    delivery = Delivery(mistaken)
    await settle()
    delivery.task.cancel()
    assert isinstance(await delivery.end(), asyncio.CancelledError)
    assert delivery.pauses == []


async def test_a_fault_in_the_program_is_not_hidden() -> None:
    delivery = Delivery(playing([ZeroDivisionError()]))
    assert isinstance(await delivery.end(0), ZeroDivisionError)


class Firehose:
    """An engine that never lets go of the loop."""

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        for index in range(COUNT):
            yield TokenEvent("a", index, Lane.STEERED)
        yield done()


async def test_an_engine_that_never_pauses_leaves_other_tasks_their_turns() -> None:
    gaps: list[float] = []

    async def other() -> None:
        while True:
            began = real_time.thread_time()
            await asyncio.sleep(0)
            gaps.append(real_time.thread_time() - began)

    beside = asyncio.create_task(other())
    options = {"clock": real_time.monotonic, "sleep": asyncio.sleep}
    delivery = Delivery(playing([]), engine=Firehose(), **options)  # type: ignore[arg-type]
    await delivery.task
    beside.cancel()
    assert len(delivery.events) == COUNT + 1
    # The median, and in time of this thread: neither a garbage collection nor a busy machine fails the test.
    assert sorted(gaps)[len(gaps) // 2] < 0.02
