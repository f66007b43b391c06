"""Short-lived tokens for a browser's EventSource, which can send no header: signed, so that none has to be kept."""

import hashlib
import hmac
import time
from collections.abc import Callable


class Passes:
    """Made for a client, and worth the client's own token for a while."""

    def __init__(self, secret: bytes, seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._secret, self._clock = secret, clock
        self.seconds = seconds

    def issue(self, client: str) -> str:
        """A new one for the client of this name."""
        told = f"{int(self._clock() + self.seconds)}.{client}"
        return f"{told}.{self._sign(told)}"

    def holder(self, text: str) -> str | None:
        """The name of the client that it was made for, or None where it was not made here or its time is over."""
        told, _, signature = text.rpartition(".")
        if not hmac.compare_digest(self._sign(told).encode(), signature.encode(errors="replace")):
            return None
        until, _, client = told.partition(".")
        return client if int(until) > self._clock() else None

    def _sign(self, told: str) -> str:
        return hmac.new(self._secret, told.encode(errors="replace"), hashlib.sha256).hexdigest()
