"""What a server writes to its log: read without end, kept within bounds, safe to draw."""

import re
from collections import deque

from steer_tui.domain import safe_line

LINES_MAX = 400
"""How many of the latest lines are kept."""
LINE_BYTES_MAX = 4096
"""How much of one line is kept; the rest of it is left out."""

_LINE_END = re.compile(rb"[\r\n]")  # a progress bar draws itself anew behind a carriage return
_STYLE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_OWN_LOOK = re.compile(r'"GET /health HTTP/[\d.]+" \d+')
_FAILURE = re.compile(r"(?:^|[\s.:])\w*(?:Error|Exception)(?:$|: )|(?i:\berror: )")
_OUT_OF_MEMORY = re.compile(r"out of memory|DefaultCPUAllocator: can't allocate", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


class ServerLog:
    """The end of a log, without the lines that tell of our own looks at the server's health."""

    def __init__(self, secret: str = "") -> None:
        self._secret = secret
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        self._open = bytearray()  # a line whose end has not come

    @property
    def lines(self) -> tuple[str, ...]:
        """The latest lines, the last one last, whether it has ended or not."""
        return (*self._lines, last) if (last := self._readable(bytes(self._open))) else tuple(self._lines)

    @property
    def last_line(self) -> str | None:
        """The last line that says something."""
        return self._readable(bytes(self._open)) or (self._lines[-1] if self._lines else None)

    @property
    def last_words(self) -> str | None:
        """The line that tells best why the server has ended: its last error where there is one, else its last line."""
        lines = self.lines
        for pattern in (_OUT_OF_MEMORY, _FAILURE):
            found = [line for line in lines if pattern.search(line)]
            if found:
                return found[-1]
        return lines[-1] if lines else None

    def feed(self, chunk: bytes) -> None:
        """Take what was written, however it is cut."""
        *ended, rest = _LINE_END.split(chunk)
        for piece in ended:
            self._add(piece)
            if line := self._readable(bytes(self._open)):
                self._lines.append(line)
            self._open.clear()
        self._add(rest)

    def _add(self, piece: bytes) -> None:
        self._open += piece[: LINE_BYTES_MAX - len(self._open)]

    def _readable(self, written: bytes) -> str:
        text = _STYLE.sub("", written.decode(errors="replace"))
        if _OWN_LOOK.search(text):
            return ""
        if self._secret:
            text = text.replace(self._secret, "…")
        return safe_line(_SPACE.sub(" ", text).strip())
