"""So many generations at once, so many that wait for their turn, and no more."""

import asyncio
from collections import deque

from steer_tui.server.refusing import Denial

RETRY_AFTER = 5.0
"""Seconds after which a client that found the queue full may look again."""


class Place:
    """One generation's place: among those that are made, or in the queue."""

    def __init__(self, slots: "Slots") -> None:
        self._slots = slots
        self._turn = asyncio.Event()
        self._has_left = False

    @property
    def has_turn(self) -> bool:
        """Whether the generation may be made."""
        return self._turn.is_set()

    async def turn(self) -> None:
        """Return when it may."""
        await self._turn.wait()

    def leave(self) -> None:
        """Make room; leaving twice is leaving once."""
        if not self._has_left:
            self._has_left = True
            self._slots.release(self)

    def call(self) -> None:
        """It is this one's turn."""
        self._turn.set()


class Slots:
    """First come, first served."""

    def __init__(self, at_once: int, queue: int) -> None:
        self.at_once, self.queue = at_once, queue
        self.running = 0
        self._waiting: deque[Place] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def check(self) -> None:
        """Refuse where there is no room."""
        if self.running >= self.at_once and self.waiting >= self.queue:
            message = f"{self.running} generations run and {self.waiting} wait: there is no room for another."
            raise Denial(503, "overloaded", message, hint="Wait a little, then try again.", retry_after=RETRY_AFTER)

    def take(self) -> Place:
        """A place, which has to be left; raises `Denial` where there is none."""
        self.check()
        place = Place(self)
        if self.running < self.at_once:
            self.running += 1
            place.call()
        else:
            self._waiting.append(place)
        return place

    def release(self, place: Place) -> None:
        """A place is free: of one that was served, the next in the queue has its turn."""
        if not place.has_turn:
            self._waiting.remove(place)
        elif self._waiting:
            self._waiting.popleft().call()
        else:
            self.running -= 1
