import asyncio
import threading
import time
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import aclosing
from itertools import pairwise

import pytest

from steer_tui.domain import DoneEvent, Event, FinishReason, Lane, Malformed, Overloaded, Rejected, TokenEvent
from steer_tui.engines.builtin.stream import Stream
from steer_tui.engines.builtin.worker import UNREAD_EVENTS, Worker

NAME = "worker under test"


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker(NAME)
    yield worker
    await worker.aclose()
    assert NAME not in [thread.name for thread in threading.enumerate()]


def counting(
    limit: int = 10**9, *, log: list[str] | None = None, name: str = ""
) -> Generator[Sequence[Event], None, None]:
    """Steps of one token each, which write down that they ran and that they were closed."""
    log = [] if log is None else log
    try:
        for index in range(limit):
            log.append(f"{name}{index}")
            yield (TokenEvent(str(index), index, Lane.STEERED),)
        yield (DoneEvent(Lane.STEERED, FinishReason.COMPLETE),)
    finally:
        log.append(f"{name}closed")


async def settled(worker: Worker) -> int:
    """The number of steps once it no longer grows."""
    before, still = -1, 0
    while still < 4:
        await asyncio.sleep(0.04)
        still = still + 1 if before == worker.steps_taken else 0
        before = worker.steps_taken
    return before


async def begun(worker: Worker, seconds: float) -> "asyncio.Task[None]":
    """A call that takes its time, and has started to."""
    loop, started = asyncio.get_running_loop(), asyncio.Event()

    def work() -> None:
        loop.call_soon_threadsafe(started.set)
        time.sleep(seconds)

    task = asyncio.create_task(worker.call(work))
    await started.wait()
    return task


async def test_events_arrive_all_and_in_order(worker: Worker) -> None:
    events = [event async for event in worker.stream(counting(3000))]
    assert [event.index for event in events if isinstance(event, TokenEvent)] == list(range(3000))
    assert isinstance(events[-1], DoneEvent)


async def test_the_thread_starts_with_the_first_use() -> None:
    worker = Worker(NAME)
    assert NAME not in [thread.name for thread in threading.enumerate()]
    await worker.aclose()


async def test_steps_run_on_one_thread_that_is_not_the_event_loops(worker: Worker) -> None:
    threads = {await worker.call(threading.current_thread) for _ in range(3)}
    assert [thread.name for thread in threads] == [NAME]


async def test_a_consumer_that_stops_reading_stops_the_computing(worker: Worker) -> None:
    async with aclosing(worker.stream(counting())) as events:
        await anext(events)
        parked_at = await settled(worker)
        assert UNREAD_EVENTS <= parked_at <= 2 * UNREAD_EVENTS
        for _ in range(5 * UNREAD_EVENTS):
            await anext(events)
        assert parked_at < await settled(worker)


async def test_closing_a_parked_or_running_stream_closes_its_steps_within_a_step(worker: Worker) -> None:
    for wait in (0, 0.1):
        log: list[str] = []
        async with aclosing(worker.stream(counting(log=log))) as events:
            await anext(events)
            await asyncio.sleep(wait)
        steps = len(log)
        await worker.call(lambda: None)
        await settled(worker)
        assert log[-1] == "closed"
        assert len(log) <= steps + 2


async def test_a_cancelled_consumer_stops_the_computing(worker: Worker) -> None:
    async def read() -> None:
        async with aclosing(worker.stream(counting())) as events:
            async for _ in events:
                await asyncio.sleep(0)

    task = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stood = await settled(worker)
    await asyncio.sleep(0.05)
    assert worker.steps_taken == stood


async def test_two_streams_take_steps_in_turn(worker: Worker) -> None:
    log: list[str] = []

    async def read(name: str) -> None:
        async for _ in worker.stream(counting(100, log=log, name=name)):
            pass

    await asyncio.gather(read("a"), read("b"))
    from_both = log[log.index("b0") : log.index("a99") + 1]
    assert all(one[0] != other[0] for one, other in pairwise(from_both))


async def test_a_stream_that_nobody_reads_does_not_hold_up_another(worker: Worker) -> None:
    async with aclosing(worker.stream(counting())) as unread:
        await anext(unread)
        assert len([event async for event in worker.stream(counting(2000))]) == 2001


async def test_a_failure_reaches_its_own_consumer_after_the_events_before_it(worker: Worker) -> None:
    def failing() -> Generator[Sequence[Event], None, None]:
        yield from counting(3)
        raise FloatingPointError("overflow")

    seen: list[Event] = []
    with pytest.raises(Malformed, match="overflow") as caught:
        async for event in worker.stream(failing()):
            seen += [event]
    assert len(seen) == 4
    assert isinstance(caught.value.__cause__, FloatingPointError)
    assert len([event async for event in worker.stream(counting(5))]) == 6


async def test_failures_of_calls_are_of_the_family(worker: Worker) -> None:
    def starve() -> None:
        raise MemoryError

    with pytest.raises(Overloaded):
        await worker.call(starve)
    with pytest.raises(Malformed, match="division"):
        await worker.call(lambda: 1 / 0)
    assert await worker.call(lambda: 7) == 7


async def test_closing_ends_open_streams_and_waiting_calls_with_a_sentence() -> None:
    worker = Worker(NAME)
    streams = [worker.stream(counting()) for _ in range(2)]
    for stream in streams:
        await anext(stream)
    blocked = await begun(worker, 0.2)
    waiting = asyncio.create_task(worker.call(lambda: 1))
    await asyncio.sleep(0)
    await asyncio.gather(worker.aclose(), worker.aclose())
    await worker.aclose()
    assert NAME not in [thread.name for thread in threading.enumerate()]
    await blocked
    with pytest.raises(Rejected, match="closed"):
        await waiting
    for stream in streams:
        with pytest.raises(Rejected, match="closed"):
            async for _ in stream:
                pass
    with pytest.raises(Rejected, match="closed"):
        await worker.call(lambda: 1)
    with pytest.raises(Rejected, match="closed"):
        await anext(worker.stream(counting()))


async def test_closing_does_not_hold_the_event_loop() -> None:
    worker = Worker(NAME)
    slow = await begun(worker, 0.3)
    closing = asyncio.create_task(worker.aclose())
    turns = 0
    while not closing.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 3
    await slow


def is_late(event: Event) -> bool:
    return not isinstance(event, TokenEvent) or event.index >= 3


def from_three_on(word: str) -> Generator[Sequence[Event], None, None]:
    for index in range(3, 6):
        yield (TokenEvent(word, index, Lane.STEERED),)


@pytest.mark.parametrize("limit", [6, 10**9], ids=["at its end", "parked"])
async def test_a_recalled_stream_goes_on_with_other_steps_from_what_was_taken(worker: Worker, limit: int) -> None:
    log: list[str] = []
    stream = Stream(counting(limit, log=log))
    async with aclosing(worker.read(stream)) as events:
        taken = [await anext(events) for _ in range(3)]
        await settled(worker)
        worker.recall(stream, is_late, from_three_on("unheard"))
        worker.recall(stream, is_late, from_three_on("new"))
        taken += [event async for event in events]
    assert [event.token for event in taken if isinstance(event, TokenEvent)] == ["0", "1", "2", "new", "new", "new"]
    assert log[-1] == "closed"


async def test_events_under_way_while_a_stream_is_recalled_do_not_come(worker: Worker) -> None:
    for pause in (0, 0.0005, 0.002, 0.006):
        stream = Stream(counting(200))
        async with aclosing(worker.read(stream)) as events:
            taken = [await anext(events) for _ in range(3)]
            await asyncio.sleep(pause)
            worker.recall(stream, is_late, from_three_on("new"))
            taken += [event async for event in events]
        assert [event.token for event in taken if isinstance(event, TokenEvent)] == ["0", "1", "2", "new", "new", "new"]


async def test_a_recall_keeps_what_is_not_stale(worker: Worker) -> None:
    stream = Stream(counting(100))
    async with aclosing(worker.read(stream)) as events:
        taken = [await anext(events)]
        await settled(worker)
        worker.recall(stream, lambda event: isinstance(event, DoneEvent), from_three_on("more"))
        taken += [event async for event in events]
    assert [event.token for event in taken if isinstance(event, TokenEvent)] == [*map(str, range(100)), *["more"] * 3]


async def test_a_stream_recalled_again_and_again_still_stops_at_its_limit(worker: Worker) -> None:
    stream = Stream(counting())
    async with aclosing(worker.read(stream)) as events:
        await anext(events)
        for _ in range(5):
            worker.recall(stream, lambda event: True, counting())
            before = worker.steps_taken
            assert UNREAD_EVENTS <= await settled(worker) - before <= 2 * UNREAD_EVENTS
        for _ in range(5 * UNREAD_EVENTS):
            await anext(events)


async def test_an_idle_worker_takes_no_time(worker: Worker) -> None:
    await worker.call(lambda: None)
    before = time.process_time()
    await asyncio.sleep(0.3)
    assert time.process_time() - before < 0.1


def test_a_loop_that_ends_before_its_stream_leaves_the_thread_alive() -> None:
    worker = Worker(NAME)

    async def abandon() -> None:
        await anext(worker.stream(counting()))

    async def again() -> int:
        try:
            return await worker.call(lambda: 5)
        finally:
            await worker.aclose()

    asyncio.run(abandon())
    assert asyncio.run(again()) == 5
