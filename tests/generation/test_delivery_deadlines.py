"""How long an engine may be silent, and that the time we take ourselves is not held against it."""

import asyncio

import pytest
from delivering import Delivery
from scripted_engine import Gate, Step, done, playing, token

from steer_tui.domain import BOTH_LANES, Lane, TimedOut, Unreachable
from steer_tui.generation import Deadlines
from steer_tui.generation.delivery import PACE_LOOK

LIMITS = Deadlines(first_event=300.0, silence=60.0)


async def first_timeout(delivery: Delivery) -> tuple[float, str]:
    """Seconds until the first attempt timed out, and its sentence."""
    await delivery.pass_time(500.0)
    error = delivery.pauses[0].error
    assert isinstance(error, TimedOut)
    delivery.task.cancel()
    await delivery.pass_time()
    return delivery.moments[0], error.message


async def test_an_engine_that_does_not_answer_times_out() -> None:
    seconds, sentence = await first_timeout(Delivery(playing([Gate()]), deadlines=LIMITS))
    assert (seconds, sentence) == (300.0, "The engine did not answer for 300 seconds.")


async def test_silence_counts_from_the_latest_event() -> None:
    steps: list[Step] = [5.0, token("a"), 50.0, token("b", 1), Gate()]
    seconds, sentence = await first_timeout(Delivery(playing(steps), deadlines=LIMITS))
    assert (seconds, sentence) == (115.0, "The engine fell silent for 60 seconds.")


async def test_silence_after_an_early_first_event_does_not_get_the_time_of_a_first_event() -> None:
    seconds, _ = await first_timeout(Delivery(playing([1.0, token("a"), Gate()]), deadlines=LIMITS))
    assert seconds == 61.0


async def test_a_silence_longer_than_the_first_deadline_is_allowed_its_time() -> None:
    limits = Deadlines(first_event=10.0, silence=100.0)
    seconds, _ = await first_timeout(Delivery(playing([9.0, token("a"), Gate()]), deadlines=limits))
    assert seconds == 109.0


async def test_the_whole_may_be_limited() -> None:
    steps: list[Step] = [step for index in range(100) for step in (10.0, token("a", index))]
    limits = Deadlines(first_event=60.0, silence=60.0, whole=95.0)
    delivery = Delivery(playing(steps), deadlines=limits)
    error = await delivery.end(500.0)
    assert isinstance(error, TimedOut)
    assert error.message == "The generation took longer than 95 seconds."
    assert delivery.moments == [95.0]


async def test_the_whole_is_that_of_all_attempts_and_ends_them() -> None:
    limits = Deadlines(first_event=60.0, silence=60.0, whole=95.0)
    delivery = Delivery(playing([40.0, Unreachable("Gone.")]), deadlines=limits)
    error = await delivery.end(1_000.0)
    assert isinstance(error, TimedOut)
    assert error.message == "The generation took longer than 95 seconds."
    assert delivery.left == 3
    assert delivery.moments[-1] == 95.0 + 2.0 + 4.0, "the pauses are not the engine's"


async def test_the_time_that_a_slow_pace_takes_is_no_part_of_the_whole() -> None:
    limits = Deadlines(first_event=60.0, silence=60.0, whole=95.0)
    delivery = Delivery(playing([*[token("a", i) for i in range(4)], done()]), deadlines=limits, pace=lambda: 0.01)
    assert await delivery.end(1_000.0) is None
    assert delivery.moments == [300.0]


async def test_without_deadlines_an_engine_may_take_for_ever() -> None:
    delivery = Delivery(playing([5_000.0, token("a"), 5_000.0, done()]))
    assert await delivery.end(10_001.0) is None


async def test_each_attempt_has_its_own_deadlines() -> None:
    delivery = Delivery(playing([Gate()], [299.0, token("a"), done()]), deadlines=LIMITS)
    assert await delivery.end(300.0 + 2.0 + 299.0) is None
    assert len(delivery.pauses) == 1


async def test_the_stream_is_closed_when_it_times_out() -> None:
    delivery = Delivery(playing([Gate()], [token("a"), done()]), deadlines=LIMITS)
    await delivery.pass_time(300.0)
    assert delivery.engine.open_streams == 0


async def test_time_spent_in_the_sink_is_no_silence_of_the_engine() -> None:
    delivery = Delivery(playing([token("a"), 59.0, token("b", 1), done()]), deadlines=LIMITS)

    class Slow(list[object]):
        def append(self, event: object) -> None:
            delivery.time.now += 100.0
            super().append(event)

    delivery.events = Slow()  # type: ignore[assignment]
    assert await delivery.end(1_000.0) is None
    assert delivery.pauses == []


async def test_the_time_that_a_slow_pace_takes_is_no_silence_of_the_engine() -> None:
    delivery = Delivery(playing([*[token("a", i) for i in range(4)], done()]), deadlines=LIMITS, pace=lambda: 0.01)
    assert await delivery.end(1_000.0) is None
    assert delivery.pauses == []


async def test_silence_is_found_also_at_a_slow_pace() -> None:
    delivery = Delivery(playing([token("a"), token("b", 1), Gate()]), deadlines=LIMITS, pace=lambda: 0.01)
    seconds, _ = await first_timeout(delivery)
    assert seconds == 160.0


@pytest.mark.parametrize("engine_seconds", [0.0, 0.05, 0.1])
async def test_a_pace_holds_tokens_back_and_does_not_add_to_the_engines_own_time(engine_seconds: float) -> None:
    steps: list[Step] = [step for index in range(11) for step in (engine_seconds, token("a", index))]
    delivery = Delivery(playing([*steps, done()]), pace=lambda: 10.0)
    assert await delivery.end(10.0) is None
    assert delivery.moments[-1] == pytest.approx(1.0 + engine_seconds)


async def test_a_pace_is_that_of_each_lane() -> None:
    steps: list[Step] = [token("a", index, lane) for index in range(11) for lane in BOTH_LANES]
    delivery = Delivery(playing([*steps, *map(done, BOTH_LANES)]), lanes=BOTH_LANES, pace=lambda: 10.0)
    await delivery.pass_time(0.55)
    assert len(delivery.words) == 12
    assert await delivery.end(0.5) is None


async def test_a_pace_that_changes_holds_for_the_tokens_that_are_still_to_come() -> None:
    pace = 1.0
    delivery = Delivery(playing([*[token("a", index) for index in range(100)], done()]), pace=lambda: pace)
    await delivery.pass_time(1.5)
    assert len(delivery.words) == 2
    pace = 10.0
    await delivery.pass_time(1.0)
    assert 10 <= len(delivery.words) <= 12
    pace = 0.001
    await delivery.pass_time(300.0)
    assert len(delivery.words) <= 13
    pace = 0.0
    assert await delivery.end(PACE_LOOK) is None


async def test_without_a_pace_tokens_come_as_fast_as_the_engine_gives_them() -> None:
    delivery = Delivery(playing([*[token("a", index) for index in range(100)], done()]))
    assert await delivery.end(0.0) is None


async def test_a_cancel_while_the_engine_closes_after_a_timeout_is_not_lost() -> None:
    delivery = Delivery(playing([Gate()]), deadlines=LIMITS, closing=5.0)
    await delivery.pass_time(301.0)
    delivery.task.cancel()
    assert isinstance(await delivery.end(10.0), asyncio.CancelledError)
    assert delivery.pauses == []
    assert delivery.engine.asked(Lane.STEERED) == 1
