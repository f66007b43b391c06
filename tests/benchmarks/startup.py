"""From exec to the first full screen in a real pseudo-terminal: `python tests/benchmarks/startup.py [rounds]`.

The app against a trivial Textual app, in turn, so that a busy machine slows both; a figure is the median of the rounds.
"""

import os
import pty
import select
import signal
import statistics
import sys
import tempfile
import time

TRIVIAL = """
from textual.app import App
from textual.widgets import Static
class Trivial(App):
    def compose(self):
        yield Static("ready to type")
Trivial().run()
"""

PROGRAMS = {
    "a trivial Textual app": (["-c", TRIVIAL], b"ready to type"),
    "steer-tui": (["-m", "steer_tui"], b"palette"),
}


def seconds_to_screen(arguments: list[str], words: bytes) -> float:
    """Start Python with these arguments in a terminal of 120×40, and wait until the words are drawn."""
    began = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        home = tempfile.gettempdir()
        os.environ.update(TERM="xterm-256color", COLUMNS="120", LINES="40", HOME=home)
        os.execv(sys.executable, [sys.executable, *arguments])
    written = b""
    while words not in written:
        if not select.select([terminal], [], [], 30)[0]:
            raise TimeoutError(f"{arguments} did not draw {words!r}")
        written += os.read(terminal, 65536)
    took = time.perf_counter() - began
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(terminal)
    return took


def main(rounds: int) -> None:
    """Print the table."""
    seconds: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds + 1):
        for name, (arguments, words) in PROGRAMS.items():
            seconds[name].append(seconds_to_screen(arguments, words))
    medians = {name: statistics.median(taken[1:]) for name, taken in seconds.items()}
    floor = medians["a trivial Textual app"]
    print("| start | seconds | ratio |\n|---|---|---|")
    for name, median in medians.items():
        print(f"| {name} | {median:.2f} | {median / floor:.2f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
