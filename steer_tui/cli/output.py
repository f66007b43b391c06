"""What commands write to standard output: text as it comes, or one JSON object a line."""

import errno
import io
import json
import os
import sys
from typing import Any, Protocol, TextIO

from steer_tui.domain import (
    DoneEvent,
    ErrorEvent,
    Event,
    Lane,
    RewindEvent,
    SteerError,
    TokenEvent,
    event_to_wire,
    safe_line,
    safe_text,
)


class Output:
    """Standard output: UTF-8 whatever the locale, flushed at once, and safe to draw.

    Text as it comes is for a program too, and only made safe where it goes to a terminal.
    """

    def __init__(self) -> None:
        stream: TextIO | None = sys.stdout
        if stream is None:
            raise OSError(errno.EBADF, "standard output is closed")
        if isinstance(stream, io.TextIOWrapper):
            # A lone surrogate becomes \udcXX, which inside a JSON text is its right spelling.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        self._stream = stream
        self._is_terminal = stream.isatty()

    def text(self, text: str) -> None:
        """A piece of text as it comes."""
        self._write(safe_text(text) if self._is_terminal else text)

    def line(self, text: str) -> None:
        """One line for a person, who may read it behind a pipe as well."""
        self._write(f"{safe_line(text)}\n")

    def json(self, value: dict[str, Any]) -> None:
        """One object on a line of its own; a terminal gets the same object with everything but ASCII escaped."""
        self._write(json.dumps(value, ensure_ascii=self._is_terminal, separators=(",", ":")) + "\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def abandon_output() -> None:
    """Nobody reads standard output any more: what is still buffered must not fail when the interpreter flushes it."""
    if sys.stdout is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


class Printer(Protocol):
    """Shows lanes, one after the other."""

    def begin(self, lane: Lane) -> None:
        """A lane comes next."""
        ...

    def take(self, event: Event) -> None:
        """One of its events."""
        ...

    def end(self) -> None:
        """The lane has ended, well or not."""
        ...

    def fail(self, error: SteerError, lane: Lane | None) -> None:
        """What ended a lane, or everything before the first one."""
        ...


class JsonLines:
    """One line an event."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def begin(self, lane: Lane) -> None:
        """Every event names its lane."""

    def take(self, event: Event) -> None:
        """The event as it travels everywhere."""
        name, data = event_to_wire(event)
        self._output.json({"event": name, "data": data})

    def end(self) -> None:
        """A `done` event has said so."""

    def fail(self, error: SteerError, lane: Lane | None) -> None:
        """The error as an event."""
        self.take(ErrorEvent(error.message, error.code, error.retry_after, lane))


class PlainText:
    """The text alone; where several lanes are asked for, each under a heading."""

    def __init__(self, output: Output, lanes: tuple[Lane, ...]) -> None:
        self._output = output
        self._lanes = lanes
        self._lane: Lane | None = None
        self._tokens: list[str] = []
        self._later: dict[Lane, list[Event]] = {}
        """What came for lanes that have not begun."""
        self._again = ""
        """What is printed beyond the tokens that still hold: after a rewind it may come again."""

    def begin(self, lane: Lane) -> None:
        """Start a lane, with what came for it meanwhile."""
        self._lane, self._tokens, self._again = lane, [], ""
        if len(self._lanes) > 1:
            self._output.text(("" if lane is self._lanes[0] else "\n") + f"── {lane.value} ──\n")
        for event in self._later.pop(lane, ()):
            self.take(event)

    def take(self, event: Event) -> None:
        """Print what is new of the lane that has begun, and keep what is another's.

        Printed text cannot be taken back, so what comes again after a rewind is passed over.
        """
        if event.lane not in (None, self._lane):
            self._later.setdefault(event.lane, []).append(event)
            return
        match event:
            case TokenEvent(token=token):
                self._tokens.append(token)
                self._print(token)
            case RewindEvent(keep=keep):
                self._again = "".join(self._tokens[keep:]) + self._again
                del self._tokens[keep:]
            case DoneEvent() if self._again:  # the text has ended before what is printed
                self._print_anew()
            case _:
                pass

    def _print(self, token: str) -> None:
        if self._again.startswith(token):
            self._again = self._again.removeprefix(token)
        elif token.startswith(self._again):
            self._output.text(token.removeprefix(self._again))
            self._again = ""
        else:
            self._print_anew()

    def _print_anew(self) -> None:
        """Another text this time: all of it, on a new line."""
        self._output.text("\n" + "".join(self._tokens))
        self._again = ""

    def end(self) -> None:
        """Leave the cursor on a new line."""
        self._output.text("\n")

    def fail(self, error: SteerError, lane: Lane | None) -> None:
        """The sentence goes to standard error, from where all errors are told; what came for other lanes is printed."""
        if self._tokens or self._again:
            self.end()
        for other in [other for other in self._lanes if other in self._later]:
            self.begin(other)
            self.end()
