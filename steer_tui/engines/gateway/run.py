"""A run at the gateway, as far as its reader has taken it."""

import re
from collections.abc import Sequence

from steer_tui.domain import (
    DoneEvent,
    ErrorEvent,
    Event,
    GenerationRequest,
    Lane,
    Malformed,
    RewindEvent,
    TokenEvent,
    Truncated,
    event_from_wire,
)
from steer_tui.wire import ServerSentEvent, parse_json

_NAME = re.compile(r"[\w\-.~]{1,200}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)


class Run:
    """Takes the run's events by their numbers: one that comes again is none, and one that is left out is missed."""

    def __init__(self, request: GenerationRequest) -> None:
        self.request = request
        """What its reader asked for last."""
        self.name: str | None = None
        """What the gateway calls it, or None before it told; then it can be neither gone on with nor turned."""
        self.vector = request.vector
        """What acts on the steered lane."""
        self._number = 0
        self._held = dict.fromkeys(request.lanes, 0)
        self._open = set(request.lanes)

    def be_called(self, name: str | None) -> None:
        """The gateway has told the run's name, if any."""
        if name is not None and not _NAME.fullmatch(name):
            raise Malformed("The gateway gave the generation a name that is none.")
        self.name = name

    @property
    def place(self) -> str:
        """The id of the last event that was taken."""
        return f"{self.name}:{self._number}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return not self._open

    @property
    def is_steering(self) -> bool:
        """Whether the steered lane has not come to its end."""
        return Lane.STEERED in self._open

    def has_any_of(self, lanes: Sequence[Lane]) -> bool:
        """Whether one of these lanes has not come to its end."""
        return not self._open.isdisjoint(lanes)

    def serves(self, request: GenerationRequest) -> bool:
        """Whether going on with it gives what the request asks for."""
        mine = self.request
        is_same = (mine.prompt, mine.sampling, mine.chat) == (request.prompt, request.sampling, request.chat)
        is_steered_alike = Lane.STEERED not in request.lanes or self.vector == request.vector
        return is_same and is_steered_alike and self._open.issuperset(request.lanes)

    def what_holds(self) -> list[RewindEvent]:
        """How much still holds of each lane that its reader asked for: all that was taken."""
        return [RewindEvent(lane, self._held[lane]) for lane in self.request.lanes]

    def take(self, frame: ServerSentEvent) -> Event | None:
        """The event that a frame is, or None where it was taken before or is of no kind that we know."""
        if not self._is_new(frame.id):
            return None
        event = event_from_wire(frame.event, parse_json(frame.data))
        match event:
            case TokenEvent(index=index, lane=lane):
                self._held[lane] = index + 1
            case RewindEvent(lane, keep):
                self._held[lane] = keep
            case DoneEvent(lane=lane):
                self._open.discard(lane)
            case ErrorEvent(lane=None):
                self._open.clear()
            case ErrorEvent(lane=Lane() as lane):
                self._open.discard(lane)
            case _:
                pass
        return event

    def _is_new(self, id: str) -> bool:
        if self.name is None:
            return True
        name, _, digits = id.rpartition(":")
        if name != self.name or not _NUMBER.fullmatch(digits):
            raise Malformed("The gateway sent an event whose id is none of its generation.")
        number = int(digits)
        if number > self._number + 1:
            raise Truncated("An event of the generation was lost on its way.")
        is_new = number > self._number
        self._number = max(self._number, number)
        return is_new
