"""JSON objects, one a line: bytes go in as they come, objects come out; nothing here reads or waits."""

from collections.abc import Iterator

from steer_tui.domain import Malformed, Truncated
from steer_tui.wire.json_values import JsonObject, parse_object

LINE_BYTES_MAX = 16 * 1024 * 1024
"""The longest line that is taken where the caller names no bound."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class NdjsonParser:
    """Turns the bytes of one stream into its objects, however the bytes are cut; empty lines are passed over."""

    def __init__(self, line_bytes: int = LINE_BYTES_MAX) -> None:
        self._line_bytes = line_bytes
        self._line = bytearray()  # the beginning of a line whose end has not come
        self._before_first_line = True

    def feed(self, chunk: bytes) -> Iterator[JsonObject]:
        """The objects that these bytes complete; read it to its end before feeding the next bytes.

        Raises `Malformed` where a line is larger than the bound or is no JSON object.
        """
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._check_size(len(self._line) + len(line))
            if self._line:
                line = bytes(self._line) + line
                self._line.clear()
            yield from self._read(line)
        self._check_size(len(self._line) + len(rest))
        self._line += rest

    def finish(self) -> Iterator[JsonObject]:
        """The object of a last line that no newline ended; `Truncated` where only a part of it has come."""
        line = bytes(self._line)
        self._line.clear()
        try:
            yield from self._read(line)
        except Malformed as error:
            raise Truncated("The stream ended in the middle of a line.") from error

    def _read(self, line: bytes) -> Iterator[JsonObject]:
        if self._before_first_line:
            self._before_first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if line.strip():
            yield parse_object(line)

    def _check_size(self, line_bytes: int) -> None:
        if line_bytes > self._line_bytes:
            raise Malformed(f"The stream holds a line of more than {self._line_bytes:,} bytes.")
