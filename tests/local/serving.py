"""A server of a tiny model: started as the app starts one, in a loop of its own beside the tests'."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from steer_tui.engines.interp.serving.managed import Managed
from steer_tui.engines.interp.serving.server import ServerAddress

PROCESSES = Path("/proc")

T = TypeVar("T")


@contextmanager
def serving(model: Path) -> Iterator[ServerAddress]:
    """A server that has loaded the model, for as long as this is not left."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def there(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(120)

    managed = Managed(str(model))
    try:
        yield there(managed.address())
    finally:
        there(managed.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def servers_of(model: Path) -> set[int]:
    """The processes that serve the model, or keep its server; those that have ended are left out."""
    words = {os.fsencode(model), b"interp_engine.server"}
    return {process for process in _processes() if words <= set(command_line(process))}


def command_line(process: int) -> list[bytes]:
    """A process's words; none where it has ended."""
    try:
        return (PROCESSES / str(process) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def is_keeper(process: int) -> bool:
    """Whether the process only keeps a server."""
    return any(word.endswith(b"keeper.py") for word in command_line(process))


def _processes() -> list[int]:
    return [int(entry.name) for entry in PROCESSES.glob("[0-9]*")]


def wait_for(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something holds, or fail."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
