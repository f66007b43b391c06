"""Server-sent events by the WHATWG standard: bytes go in as they come, events come out; nothing here reads or waits."""

from collections.abc import Iterator
from dataclasses import dataclass

from steer_tui.domain import Malformed, Truncated

EVENT_BYTES_MAX = 16 * 1024 * 1024
"""The largest event that is taken where the caller names no bound: a frame can hold a whole text and its scores."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_RETRY_DIGITS_MAX = 15  # longer ones are no time that anyone means, and very long ones int() refuses to read


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event of a stream."""

    event: str
    """Its type; "message" where the stream names none."""
    data: str
    id: str = ""
    """The last id that the stream has named up to this event: what `Last-Event-ID` sends to go on after it."""
    retry: int | None = None
    """Milliseconds to wait before connecting again, as the stream last said up to this event."""


class SseParser:
    """Turns the bytes of one stream into its events, however the bytes are cut.

    An event is given as soon as the empty line that ends it has come, even where that is the first half of a CRLF. One
    that is still open when the stream ends is none, as the standard has it; `finish` tells that there was one.
    """

    def __init__(self, event_bytes: int = EVENT_BYTES_MAX) -> None:
        self.last_event_id = ""
        """The id to go on from; it also counts where the event that named it held no data."""
        self.retry: int | None = None
        """Milliseconds to wait before connecting again, or None where the stream has not said."""
        self._event_bytes = event_bytes
        self._line = bytearray()  # the beginning of a line whose end has not come
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._event = b""
        self._id = b""
        self._before_first_line = True
        self._after_carriage_return = False

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """The events that these bytes complete; read it to its end before feeding the next bytes.

        Raises `Malformed` where an event, or a single line, is larger than the bound.
        """
        if self._after_carriage_return and chunk:
            self._after_carriage_return = False
            chunk = chunk.removeprefix(b"\n")
        if not chunk:
            return
        lines = chunk.splitlines()  # of bytes: at CR, LF and CRLF, and nowhere else
        self._after_carriage_return = chunk.endswith(b"\r")
        rest = b"" if chunk.endswith((b"\r", b"\n")) else lines.pop()
        if lines:
            if self._line:
                lines[0] = bytes(self._line) + lines[0]
                self._line.clear()
            if self._before_first_line:
                self._before_first_line = False
                self._check_size(len(lines[0]))
                lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        for line in lines:
            if line:
                self._read_field(line)
                continue
            # An id or a time to wait holds from here on even where no data came with it.
            self.last_event_id = self._id.decode(errors="replace")
            event, data = self._event, self._data
            self._event, self._data, self._data_bytes = b"", [], 0
            if data:
                yield ServerSentEvent(
                    event.decode(errors="replace") or "message",
                    b"\n".join(data).decode(errors="replace"),
                    self.last_event_id,
                    self.retry,
                )
        if rest:
            self._check_size(len(self._line) + len(rest))
            self._line += rest

    def finish(self) -> None:
        """The stream has ended; raises `Truncated` where it did so within an event."""
        if self._line or self._data:
            raise Truncated("The stream ended in the middle of an event.")

    def _read_field(self, line: bytes) -> None:
        self._check_size(len(line))
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._data_bytes += len(value) + 1
        elif name == b"event":
            self._event = value
        elif name == b"id":
            if b"\0" not in value:
                self._id = value
        elif name == b"retry" and value.isdigit() and len(value) <= _RETRY_DIGITS_MAX:
            self.retry = int(value)

    def _check_size(self, line_bytes: int) -> None:
        if self._data_bytes + line_bytes > self._event_bytes:
            raise Malformed(f"The stream holds an event of more than {self._event_bytes:,} bytes.")
