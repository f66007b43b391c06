"""Servers that a test starts as processes, and whether they are still there."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steer_tui.engines.interp.serving.launch import Launch
from steer_tui.engines.interp.serving.managed import Managed

HAS_PROC = Path("/proc/self/stat").exists()
SMALL_SERVER = Launch((sys.executable, "-I", "-S", str(Path(__file__).parent / "small_server.py")))


def _stat(pid: int) -> list[str]:
    """What Linux tells of a process behind its name: its state, its parent and more."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def is_running(pid: int) -> bool:
    """Whether there is a process of that number that has not ended."""
    try:
        os.kill(pid, 0)
        return not HAS_PROC or _stat(pid)[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def parent_of(pid: int) -> int:
    """The process that started this one."""
    if HAS_PROC:
        return int(_stat(pid)[1])
    return int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(pid)]))


def command_line_of(pid: int) -> str:
    """What everybody on this machine can see of how it was started."""
    if HAS_PROC:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    return subprocess.check_output(["ps", "-ww", "-o", "args=", "-p", str(pid)], text=True)


async def until(holds: Callable[[], object]) -> None:
    """Wait until it holds, and no longer than a test may last."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110  # another process makes it so
            await asyncio.sleep(0.01)


async def gone(*pids: int) -> None:
    """Wait until the processes are no more."""
    await until(lambda: not any(map(is_running, pids)))


async def until_it_is_noticed(server: Managed) -> None:
    """Ask for the address of a server that has ended, until that raises."""
    async with asyncio.timeout(30):
        while True:
            await server.address()
            await asyncio.sleep(0.01)


@dataclass
class Place:
    """A folder in which servers note their starts."""

    folder: Path

    def managed(self, *arguments: str, model: str = "small/model") -> Managed:
        return Managed(model, ("--folder", str(self.folder), *arguments), SMALL_SERVER)

    @property
    def starts(self) -> list[dict[str, Any]]:
        """What each server that was started has noted, in order."""
        return [json.loads(note.read_text()) for note in sorted(self.folder.glob("start-*.json"))]

    @property
    def pids(self) -> list[int]:
        return [start["pid"] for start in self.starts]

    def give(self, sign: str) -> None:
        (self.folder / sign).touch()

    async def started(self, count: int = 1) -> None:
        await until(lambda: len(self.starts) >= count)
