"""What is left of a limit, as time passes."""

from fake_time import FakeTime

from steer_tui.engines import Quota
from steer_tui.engines.gateway.allowance import Allowance
from steer_tui.wire import RateLimit


def test_nothing_is_known_where_nothing_was_said() -> None:
    allowance = Allowance()
    assert allowance.quota is None
    allowance.note(None)
    allowance.note(RateLimit(retry_after=3.0))
    assert allowance.quota is None


def test_what_was_said_last_counts_until_something_comes_back() -> None:
    time = FakeTime()
    allowance = Allowance(time.clock)
    allowance.note(RateLimit(10, 2, resets_after=20.0, window=60.0))
    allowance.note(RateLimit(10, 0, resets_after=12.0, window=60.0))
    allowance.note(None)
    seen = []
    for passed in (0.0, 11.0, 12.0, 59.0, 60.0):
        time.now = 1000.0 + passed
        seen.append(allowance.quota)
    assert seen == [Quota(0, 10), Quota(0, 10), Quota(1, 10), Quota(1, 10), Quota(10, 10)]


def test_a_limit_that_is_whole_stays_whole() -> None:
    time = FakeTime()
    allowance = Allowance(time.clock)
    allowance.note(RateLimit(10, 10, resets_after=0.0, window=60.0))
    time.now += 100.0
    assert allowance.quota == Quota(10, 10)
