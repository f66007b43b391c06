"""How many generations a gateway still takes from us, as it last said."""

import time
from collections.abc import Callable

from steer_tui.engines.door import Quota
from steer_tui.wire import RateLimit


class Allowance:
    """Follows what every answer says; as time passes, what was used comes back by itself."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: RateLimit | None = None
        self._told_at = 0.0

    def note(self, told: RateLimit | None) -> None:
        """Take what an answer says, if it says anything."""
        if told is not None and told.remaining is not None:
            self._told, self._told_at = told, self._clock()

    @property
    def quota(self) -> Quota | None:
        """What is left, or None where the gateway counts nothing."""
        told = self._told
        if told is None or told.remaining is None:
            return None
        passed = self._clock() - self._told_at
        if told.limit is None or told.remaining >= told.limit:
            return Quota(told.remaining, told.limit)
        if told.window is not None and passed >= told.window:
            return Quota(told.limit, told.limit)
        is_one_back = told.resets_after is not None and passed >= told.resets_after
        return Quota(told.remaining + is_one_back, told.limit)
