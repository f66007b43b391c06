"""A request's way through its attempts: what is still to come, and what of it is new."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from steer_tui.domain import (
    DoneEvent,
    ErrorEvent,
    Event,
    GenerationRequest,
    Lane,
    RateLimited,
    RewindEvent,
    error_from_code,
)
from steer_tui.generation.rejoining import Anew, Rejoining, Shown


class Attempts:
    """Hands the events of all attempts on as if they were one that had not been lost."""

    def __init__(
        self, request: GenerationRequest, sink: Callable[[Event], None], on_difference: Callable[[Lane], None]
    ) -> None:
        self.request = request
        self.left: GenerationRequest | None = None
        """The one that left last, or None before the first attempt."""
        self.lost: GenerationRequest | None = None
        """The one that had left before it, whose stream was lost; None for the first attempt."""
        self._sink, self._on_difference = sink, on_difference
        self._open = set(request.lanes)
        self._shown: dict[Lane, Shown] = {}
        self._ways: dict[Lane, Rejoining | Anew] = {}
        """How each lane goes on that has spoken in a further attempt."""
        self._next_ways: dict[Lane, Rejoining | Anew] = {}
        """How a lane does that has not spoken in this one, where it begins anew."""

    def leave(self, request: GenerationRequest, goes_on: Callable[[Lane], bool]) -> None:
        """This request leaves; a lane that goes on does so behind what it repeats, any other replaces what it has."""
        self.lost, self.left, self.request = self.left, request, request
        self._next_ways = {
            lane: Rejoining(lane, shown, partial(self._on_difference, lane)) if goes_on(lane) else Anew(lane)
            for lane, shown in self._shown.items()
            if lane in self._open
        }

    def again(self) -> None:
        """The next attempt asks for the lanes that have not ended."""
        self.request = replace(self.request, lanes=tuple(lane for lane in self.request.lanes if lane in self._open))

    def admit(self, event: Event) -> list[Event]:
        """What is to be handed on for one event; an error event becomes its exception unless another lane can go on."""
        if isinstance(event, ErrorEvent):
            return self._admit_error(event)
        if event.lane not in self._open:
            return []
        next_way = self._next_ways.pop(event.lane, None)
        if next_way is not None and not _goes_on(event):
            self._ways[event.lane] = next_way
        way = self._ways.get(event.lane)
        return [event] if way is None else way.admit(event)

    def _admit_error(self, event: ErrorEvent) -> list[Event]:
        if event.lane is not None and event.lane not in self._open:
            return []
        error = error_from_code(event.code, event.message, event.retry_after)
        if event.lane is None or self._open == {event.lane} or error.passing or isinstance(error, RateLimited):
            raise error
        return [event]

    def hand_on(self, event: Event) -> None:
        """Bring one event that was admitted to the sink."""
        if isinstance(event, DoneEvent | ErrorEvent):
            self._open -= {event.lane}
        else:
            self._shown.setdefault(event.lane, Shown()).take(event)
        self._sink(event)

    @property
    def finished(self) -> bool:
        """Whether every lane has ended."""
        return not self._open


def _goes_on(event: Event) -> bool:
    """Whether a lane's first event says that the attempt goes on behind what the one before it had said last."""
    return isinstance(event, RewindEvent) and event.keep > 0
