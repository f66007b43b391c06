"""Runs a shell command in a pseudo-terminal until the app stands on its screen, then quits it with ctrl+q."""

import os
import pty
import select
import signal
import sys
import time

SECONDS = 600
CTRL_Q = b"\x11"


def main(command: str) -> int:
    """The command's exit code, or 1 with what it wrote where the app did not appear or did not leave the screen."""
    print(command, flush=True)
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="120", LINES="40")
        os.execvp("bash", ["bash", "-c", f"stty cols 120 rows 40; {command}"])
    written, asked_to_quit, end = b"", False, time.monotonic() + SECONDS
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                written += os.read(terminal, 65536)
            except OSError:  # the other side is gone
                break
        elif not asked_to_quit and b"\x1b[?1049h" in written and b"Steered" in written:
            os.write(terminal, CTRL_Q)
            asked_to_quit = True
    else:
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0 and asked_to_quit and b"\x1b[?1049l" in written:
        print("started and quit")
        return 0
    sys.stdout.write(written[-4000:].decode(errors="replace"))
    print(f"\nexit code {code}, the app was {'seen' if asked_to_quit else 'not seen'}")
    return code or 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
