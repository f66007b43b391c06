"""A server as a process of ours: started through its keeper, its log read as it comes, never left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from steer_tui.engines.interp.serving import keeper
from steer_tui.engines.interp.serving.server_log import ServerLog

_KEEPER = Path(keeper.__file__)
_KEEPER_SECONDS = keeper.GRACE_SECONDS + 2.0  # within which it has ended the server, and itself
_LOG_SECONDS = 1.0  # for the log's end, which something that outlives the server's group could hold back


class _Pipe(asyncio.Protocol):
    """One end of a pipe, whose bytes go to a `feed`."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = asyncio.Event()
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


class _LogPipe(_Pipe):
    def __init__(self, log: ServerLog) -> None:
        super().__init__()
        self._log = log

    def data_received(self, data: bytes) -> None:
        self._log.feed(data)


class Child:
    """A server that runs, or has run, as long as this object's owner wants it to."""

    def __init__(self, process: subprocess.Popen[bytes], log: ServerLog) -> None:
        self._process = process
        self._report = _Pipe()
        self._written = _LogPipe(log)
        self.log = log

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str], log: ServerLog) -> "Child":
        """Start the command; where this is cancelled, or fails, nothing runs."""
        child = cls(_keeper(command, environment), log)
        try:
            await child._listen()
        except BaseException:
            await child.end()
            raise
        child._begin()
        return child

    @property
    def pid(self) -> int | None:
        """The server's process id, or None where its keeper has not told it."""
        line, ended, _ = bytes(self._report.received).partition(b"\n")
        return int(line) if ended else None

    @property
    def has_ended(self) -> bool:
        """Whether the server, and its keeper, run no more."""
        return self._report.ended.is_set()

    @property
    def exit_code(self) -> int | None:
        """The server's exit code, 128 and a signal's number where it was killed, or None where it is not known."""
        code = self._process.poll()
        return code if code is not None and code >= 0 else None

    async def wait(self) -> None:
        """Until the server runs no more, and all that it wrote is in the log."""
        await self._report.ended.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOG_SECONDS):
                await self._written.ended.wait()
        await self._let_go()

    async def end(self) -> None:
        """Ask the server to end, and see to it that it does."""
        self._close_lifeline()
        if self._report.transport is None:  # nothing has begun, and nobody would tell of its end
            self._report.ended.set()
        try:
            async with asyncio.timeout(_KEEPER_SECONDS):
                await self._report.ended.wait()
        except TimeoutError:
            self._process.kill()
            await self._report.ended.wait()
        await self._let_go()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: self._report, self._process.stdout)
        await loop.connect_read_pipe(lambda: self._written, self._process.stderr)

    def _begin(self) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the keeper could not even start, which its log tells
            self._process.stdin.write(b"\n")

    def _close_lifeline(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def _let_go(self) -> None:
        """The keeper has ended: take its exit code, and close what is left."""
        self._close_lifeline()
        await asyncio.to_thread(self._process.wait)
        if self._process.returncode < 0 and self.pid is not None:  # it was killed, and could not end the server
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        for end, pipe in ((self._report, self._process.stdout), (self._written, self._process.stderr)):
            if end.transport is not None:
                end.transport.close()
            elif pipe is not None:
                pipe.close()


def _keeper(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # Not asyncio's process, which kills its child where it is dropped: a keeper that is killed cannot keep.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_KEEPER), *command],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment),
        start_new_session=True,
    )
