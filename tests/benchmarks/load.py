"""Many streams read by one process that does little else: sockets and an epoll, no HTTP library and no event loop."""

import json
import math
import os
import re
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

TOKENS_A_SECOND = 20
_DUE = re.compile(rb'"token":" ([0-9.]+)"')
_RUN = re.compile(rb"steer-run: (\S+)", re.IGNORECASE)
_PAGE, _TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A server that listens on loopback, in a process of its own."""

    port: int
    pid: int
    pipe: Connection

    @property
    def cpu_seconds(self) -> float:
        """What the process has computed so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def resident_bytes(self) -> int:
        """What the process holds in memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE

    def end(self) -> dict[int, float]:
        """Stop, and tell which generation was cancelled when."""
        self.pipe.send(None)
        return self.pipe.recv()


@dataclass
class _Stream:
    socket: socket.socket
    seed: int
    held: bytes = b""
    run: bytes = b""
    has_begun: bool = False


class Load:
    """Streams that are open, and what has come of them; leaving it drops them all."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._poll = select.epoll()
        self._streams: dict[int, _Stream] = {}
        self._begun = 0
        self.tokens = 0
        self._came: list[tuple[float, float]] | None = None  # due, and how late

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._streams.values():
            stream.socket.close()
        self._poll.close()

    def open(self, count: int, prompt: str, *, within: float, burst: int = 50, seed: int = 0) -> bool:
        """So many more streams, a burst at a time; whether each has had its first token within the seconds."""
        end, aim = time.monotonic() + within, self._begun
        while count > 0:
            for _ in range(min(burst, count)):
                self._ask(prompt, seed)
            aim, count = aim + min(burst, count), count - burst
            while self._begun < aim:
                if time.monotonic() > end:
                    return False
                self.follow(0.005)
        return True

    def follow(self, seconds: float) -> None:
        """Read what comes, for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for number, _ in self._poll.poll(left):
                self._read(self._streams[number])

    def lateness(self, seconds: float, give_up: float = 0.5) -> list[float]:
        """How late each token came that was due from now on for so long; one that did not come is late for ever."""
        began = time.monotonic()
        self._came = []
        self.follow(seconds + give_up)
        late = [late for due, late in self._came if began <= due < began + seconds]
        self._came = None
        missing = round(seconds * TOKENS_A_SECOND * len(self._streams)) - len(late)
        # A window's edge falls between two tokens or on one.
        return late + [math.inf] * (missing if missing > len(self._streams) else 0)

    def leave(self) -> float:
        """The one stream is dropped: when."""
        (stream,) = self._streams.values()
        moment = time.monotonic()
        self._drop(stream)
        return moment

    def delete(self) -> float:
        """The one stream is told goodbye: when that was sent, on a connection that stood."""
        (stream,) = self._streams.values()
        with socket.create_connection(("127.0.0.1", self._server.port)) as line:
            moment = time.monotonic()
            line.sendall(b"DELETE /api/generate/%b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % stream.run)
            assert b" 204 " in line.recv(65536)
        self._drop(stream)
        return moment

    def _ask(self, prompt: str, seed: int) -> None:
        body: dict[str, Any] = {"prompt": prompt, "options": {"resume": False, "seed": seed}}
        encoded = json.dumps(body).encode()
        head = (
            "POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(encoded)}\r\n\r\n"
        )
        line = socket.create_connection(("127.0.0.1", self._server.port))
        line.sendall(head.encode() + encoded)
        line.setblocking(False)
        self._streams[line.fileno()] = _Stream(line, seed)
        self._poll.register(line, select.EPOLLIN)

    def _read(self, stream: _Stream) -> None:
        piece = stream.socket.recv(262144)
        now = time.monotonic()
        if not piece:
            self._drop(stream)
            return
        held = stream.held + piece
        end = held.rfind(b"\n\n") + 2
        if not stream.run and (told := _RUN.search(held)):
            stream.run = told[1]
        if end < 2:
            stream.held = held
            return
        stream.held = held[end:]
        came = _DUE.findall(held, 0, end)
        self.tokens += len(came)
        if came and not stream.has_begun:
            stream.has_begun = True
            self._begun += 1
        if self._came is not None:
            for text in came:
                due = float(text)
                self._came.append((due, now - due))

    def _drop(self, stream: _Stream) -> None:
        del self._streams[stream.socket.fileno()]
        self._poll.unregister(stream.socket)
        stream.socket.close()


def quantile(figures: Sequence[float], share: float) -> float:
    """The figure that such a share of them does not exceed."""
    return sorted(figures)[max(0, math.ceil(share * len(figures)) - 1)]
