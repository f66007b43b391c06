"""How a rate limit is waited out, and by whom it is not."""

from delivering import Delivery
from fake_time import FakeTime
from scripted_engine import Step, done, playing, token

from steer_tui.domain import RateLimited
from steer_tui.generation import RateGate

WHOLE: list[Step] = [token("a"), done()]


def limited(retry_after: float | None = None) -> list[Step]:
    return [RateLimited("Too many requests.", retry_after=retry_after)]


async def test_without_a_gate_a_rate_limit_is_not_waited_out() -> None:
    delivery = Delivery(playing(limited(5.0)))
    assert isinstance(await delivery.end(0), RateLimited)
    assert delivery.pauses == []


async def test_the_time_that_the_limit_names_is_waited() -> None:
    delivery = Delivery(playing(limited(12.0), WHOLE), gated=True)
    await delivery.pass_time(11.9)
    assert len(delivery.engine.requests) == 1
    assert await delivery.end(0.1) is None
    assert [(pause.seconds, pause.attempt) for pause in delivery.pauses] == [(12.0, None)]


async def test_a_limit_that_names_no_time_waits_a_minute_and_then_twice_as_long() -> None:
    delivery = Delivery(playing(limited(), limited(), limited(), WHOLE), gated=True)
    assert await delivery.end() is None
    assert delivery.waits == [60.0, 120.0, 240.0]


async def test_limits_do_not_count_as_retries() -> None:
    delivery = Delivery(playing(*[limited(1.0)] * 10, WHOLE), gated=True)
    assert await delivery.end() is None
    assert delivery.waits == [1.0] * 10


async def test_after_a_success_the_growth_is_forgotten() -> None:
    time = FakeTime()
    gate = RateGate(time.clock)
    gate.close(RateLimited("Too many requests."))
    await time.advance(60.0)
    gate.forget()
    gate.close(RateLimited("Too many requests."))
    assert gate.seconds_left == 60.0


async def test_a_request_that_succeeds_makes_the_gate_forget() -> None:
    delivery = Delivery(playing(limited(), limited(), WHOLE), gated=True)
    await delivery.end()
    assert delivery.gate is not None
    delivery.gate.close(RateLimited("Too many requests."))
    assert delivery.gate.seconds_left == 60.0


async def test_two_requests_refused_by_the_same_limit_wait_as_long_as_one() -> None:
    time = FakeTime()
    gate = RateGate(time.clock)
    gate.close(RateLimited("Too many requests."))
    await time.advance(1.0)
    gate.close(RateLimited("Too many requests."))
    assert gate.seconds_left == 59.0


async def test_of_two_named_times_the_later_end_holds() -> None:
    gate = RateGate(FakeTime().clock)
    gate.close(RateLimited("Too many requests.", retry_after=30.0))
    gate.close(RateLimited("Too many requests.", retry_after=5.0))
    assert gate.seconds_left == 30.0


async def test_a_limit_of_no_seconds_is_not_met_by_a_flood() -> None:
    delivery = Delivery(playing(limited(0.0)), gated=True)
    await delivery.pass_time(10.0)
    assert len(delivery.engine.requests) <= 11
    delivery.task.cancel()
    await delivery.pass_time()


async def test_a_lifted_gate_lets_the_next_request_leave() -> None:
    gate = RateGate(FakeTime().clock)
    gate.close(RateLimited("Too many requests.", retry_after=30.0))
    gate.lift()
    assert gate.seconds_left <= 0


async def test_a_gate_that_closes_further_during_a_wait_is_waited_for_again() -> None:
    delivery = Delivery(playing(limited(10.0), WHOLE), gated=True)
    await delivery.pass_time(5.0)
    assert delivery.gate is not None
    delivery.gate.close(RateLimited("Too many requests.", retry_after=20.0))
    await delivery.pass_time(19.0)
    assert len(delivery.engine.requests) == 1
    assert await delivery.end(1.0) is None
    assert delivery.waits == [10.0, 15.0]


async def test_a_shut_gate_keeps_the_first_request_back_too() -> None:
    time = FakeTime()
    delivery = Delivery(playing(WHOLE), time=time, gated=True)
    assert delivery.gate is not None
    delivery.gate.close(RateLimited("Too many requests.", retry_after=9.0))
    await delivery.pass_time(8.9)
    assert delivery.engine.requests == []
    assert await delivery.end(0.1) is None
