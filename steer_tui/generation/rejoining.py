"""A lane that is asked for again: while it repeats what is shown nothing passes, and then it goes on behind it.

The texts are compared, and not their tokens alone, for a service that sends its text as a whole may cut it elsewhere
the next time. Then the tokens from the first other cut on are held until they reach the end of what is shown, and take
its place in one go: so token numbers are always those of the attempt that speaks.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from steer_tui.domain import ActivationEvent, Event, Lane, RewindEvent, TokenEvent


@dataclass(slots=True)
class Shown:
    """What has been handed on of a lane."""

    tokens: list[str] = field(default_factory=list)
    activated: set[int] = field(default_factory=set)
    """The tokens whose activations have come."""

    def take(self, event: Event) -> None:
        """Note one event that is handed on."""
        match event:
            case TokenEvent(token=token):
                self.tokens.append(token)
            case ActivationEvent(token_index=index):
                self.activated.add(index)
            case RewindEvent(keep=keep):
                del self.tokens[keep:]
                self.activated = {index for index in self.activated if index < keep}
            case _:
                pass


class Anew:
    """One lane of a further attempt whose text was made from something else: it replaces what is shown."""

    def __init__(self, lane: Lane) -> None:
        self._lane, self._has_begun = lane, False

    def admit(self, event: Event) -> list[Event]:
        """What passes: the event, and before the first one a rewind, unless it is one itself."""
        begins = not self._has_begun and not isinstance(event, RewindEvent)
        self._has_begun = True
        return [RewindEvent(self._lane, keep=0), event] if begins else [event]


class Rejoining:
    """One lane of a further attempt, compared with what is shown of it."""

    def __init__(self, lane: Lane, shown: Shown, on_difference: Callable[[], None]) -> None:
        self._lane = lane
        self._shown = tuple(shown.tokens)
        self._activated = set(shown.activated)
        self._on_difference = on_difference
        self._same = 0
        """How many tokens have come just as they are shown."""
        self._held: list[TokenEvent | ActivationEvent] = []
        """What came behind them: the same text as shown, in other tokens."""
        self._count = 0
        """How many tokens have come."""
        self._rest, self._at = "", 0
        """The text that is shown behind the same tokens, and how much of it is held; of use while something is."""
        self._is_over = False

    def admit(self, event: Event) -> list[Event]:
        """What passes on one event: nothing, or it alone, or where it ends the comparison all that it needs before."""
        match event:
            case _ if self._is_over:
                return self._without_known([event])
            case TokenEvent(token, index) if index == self._count:
                return [] if self._is_repeated(token) or self._is_held(event) else self._join(event)
            case ActivationEvent(index) if index < self._same:
                return self._without_known([event])
            case ActivationEvent(index) if index < self._count:
                self._held.append(event)
                return []
            case RewindEvent(_, keep) if keep <= self._count:
                self._take_back(keep)
                return []
            case _:
                return self._join(event)

    def _is_repeated(self, token: str) -> bool:
        if self._held or self._same == len(self._shown) or token != self._shown[self._same]:
            return False
        self._same += 1
        self._count += 1
        return True

    def _is_held(self, event: TokenEvent) -> bool:
        if not self._held:
            self._rest, self._at = "".join(self._shown[self._same :]), 0
        end = self._at + len(event.token)
        if end >= len(self._rest) or not self._rest.startswith(event.token, self._at):
            return False
        self._held.append(event)
        self._count += 1
        self._at = end
        return True

    def _take_back(self, keep: int) -> None:
        self._same, self._count = min(self._same, keep), keep
        self._held = [event for event in self._held if _index(event) < keep]
        self._at = sum(len(event.token) for event in self._held if isinstance(event, TokenEvent))

    def _join(self, event: Event) -> list[Event]:
        """The event goes beyond what is shown, or differs from it, or ends the text before it."""
        self._is_over = True
        if self._same == len(self._shown):
            return self._without_known([event])
        rest = "".join(self._shown[self._same :])[self._at if self._held else 0 :]
        if not (event.token if isinstance(event, TokenEvent) else "").startswith(rest):
            self._on_difference()
        return self._without_known([RewindEvent(self._lane, self._same), *self._held, event])

    def _without_known(self, events: Iterable[Event]) -> list[Event]:
        """The events but for activations that have been handed on."""
        unknown: list[Event] = []
        for event in events:
            match event:
                case ActivationEvent(index) if index in self._activated:
                    continue
                case ActivationEvent(index) if not self._is_over:
                    self._activated.add(index)
                case RewindEvent(_, keep):
                    self._activated = {index for index in self._activated if index < keep}
                case _:
                    pass
            unknown.append(event)
        return unknown


def _index(event: TokenEvent | ActivationEvent) -> int:
    return event.index if isinstance(event, TokenEvent) else event.token_index
