"""The parent of a server that must not outlive the app: `python -I -S keeper.py COMMAND...`, plain stdlib.

stdin    A pipe whose other end the app holds. One byte on it starts the command; its end, however the app has come to
         it (`kill -9` included), ends the server: SIGTERM, and SIGKILL after GRACE_SECONDS.
stdout   The server's process id, once, on a line.
stderr   The server's log: its own stdout and stderr.

The keeper exits when the server has, with its exit code, or with 128 and the number of the signal that ended it.

The server has a session of its own, so that a Ctrl-C in the terminal does not reach it, and all of its process group is
ended with it. Where the keeper itself is killed, Linux kills the server's first process; everywhere, the app kills the
group. Only the two of them killed at once, on a system without PR_SET_PDEATHSIG, leave the server behind.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

GRACE_SECONDS = 3.0
"""For a server to end by itself once it is asked to."""
CANNOT_START = 127
"""The keeper's exit code where the command is none."""

_PR_SET_PDEATHSIG = 1
_STDIN, _STDOUT, _STDERR = 0, 1, 2


def _dying_with_this_process() -> Callable[[], None] | None:
    """What the server's process does before it becomes the command, where the system can tie it to its parent."""
    if sys.platform != "linux":
        return None
    try:
        import ctypes
    except ImportError:  # a Python that was built without it
        return None
    keeper = os.getpid()
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:  # the keeper had died before the line above
            os._exit(1)

    return tie


def _signal_all(group: int, which: signal.Signals) -> None:
    # PermissionError is macOS's word for a group of which only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, which)


def _end(group: int) -> None:
    _signal_all(group, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    _signal_all(group, signal.SIGKILL)


def _end_when_the_app_goes(group: int) -> None:
    while os.read(_STDIN, 64):
        pass
    _end(group)


def keep(command: list[str]) -> int:
    """Run the command until it exits, or until the app goes; gives the exit code."""
    if not os.read(_STDIN, 1):
        return 0
    try:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=_STDERR,
            stderr=_STDERR,
            start_new_session=True,
            preexec_fn=_dying_with_this_process(),
        )
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        return CANNOT_START

    def end_too(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=_end, args=[server.pid], daemon=True).start()

    for which in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(which, end_too)
    with contextlib.suppress(BrokenPipeError):
        os.write(_STDOUT, b"%d\n" % server.pid)
    threading.Thread(target=_end_when_the_app_goes, args=[server.pid], daemon=True).start()
    code = server.wait()
    _signal_all(server.pid, signal.SIGKILL)  # what the server had started itself is of no use without it
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    # Without the interpreter's own end, which would wait for threads that wait for the app.
    os._exit(keep(sys.argv[1:]))
