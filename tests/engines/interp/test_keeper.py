"""The parent of a server, as a process: it lives as long as its server and its pipe, and not longer."""

import signal
import subprocess
import sys
from collections.abc import Callable, Generator

import pytest
from engines.interp.processes import gone, is_running

from steer_tui.engines.interp.serving import keeper

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no server is started on Windows")

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")

Keep = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def keep() -> Generator[Keep]:
    """Start a keeper of a command."""
    kept: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> "subprocess.Popen[bytes]":
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        kept.append(subprocess.Popen([sys.executable, "-I", "-S", keeper.__file__, *command], bufsize=0, **pipes))
        return kept[-1]

    yield start
    for process in kept:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()
        process.stderr.close()


def go(process: "subprocess.Popen[bytes]") -> int:
    """Let it start its command; gives the command's process id."""
    process.stdin.write(b"\n")
    return int(process.stdout.readline())


def test_it_starts_nothing_before_it_is_told_to(keep: Keep) -> None:
    process = keep(sys.executable, "-c", "print('started')")
    process.stdin.close()
    assert process.wait(30) == 0
    assert process.stdout.read() == process.stderr.read() == b""


async def test_the_end_of_its_pipe_ends_its_server_and_then_itself(keep: Keep) -> None:
    process = keep(*SLEEPER)
    pid = go(process)
    assert is_running(pid)
    process.stdin.close()
    assert process.wait(30) == 128 + signal.SIGTERM
    await gone(pid)


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda which: which.name)
async def test_a_signal_to_it_is_a_signal_to_end_its_server(keep: Keep, which: signal.Signals) -> None:
    process = keep(*SLEEPER)
    pid = go(process)
    process.send_signal(which)
    assert process.wait(30) == 128 + signal.SIGTERM
    await gone(pid)


def test_it_ends_with_its_server_and_tells_how_that_ended(keep: Keep) -> None:
    process = keep(sys.executable, "-c", "import sys; print('a word'); sys.exit('the last one')")
    go(process)
    assert process.wait(30) == 1
    assert process.stderr.read() == b"a word\nthe last one\n"


def test_a_command_that_cannot_be_started(keep: Keep) -> None:
    process = keep("/nowhere/at/all")
    process.stdin.write(b"\n")
    assert process.wait(30) == keeper.CANNOT_START
    assert process.stderr.read() == b"/nowhere/at/all cannot be started: No such file or directory\n"


def test_it_loads_nothing_but_the_standard_library() -> None:
    command = f"import sys, runpy; runpy.run_path({keeper.__file__!r}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-I", "-S", "-c", command], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in loaded.stdout.split()} - {"__main__"} <= sys.stdlib_module_names
