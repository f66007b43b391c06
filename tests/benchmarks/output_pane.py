"""What a token costs in the output pane, beside the panes it could have been: `python tests/benchmarks/output_pane.py`.

Each figure is the CPU time of an app of its own in a real pseudo-terminal of 120×40, whose other end drains it at once:
the app first shows so many tokens, then is timed while more come and until they are painted. `floor` is the same app
with the same producer and nothing shown. Compare figures of one run, on a machine that does nothing else: frames come
by the clock, so a busy machine draws more of them in the time that a token takes.
"""

import asyncio
import fcntl
import json
import os
import pty
import random
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Label, Log, RichLog, Static

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from steer_tui.tui.widgets.output import OutputPane  # noqa: E402

WAYS = ("floor", "OutputPane", "Log", "RichLog")
SIZES = {
    "floor": (1_000,),
    "OutputPane": (1_000, 10_000, 100_000, 1_000_000),
    "Log": (1_000, 10_000),
    "RichLog": (1_000, 10_000),
}
PATTERNS = {
    "in bursts of 500": (500, 20_000, 0.0),
    "one a loop turn": (1, 20_000, 0.0),
    "7 a thirtieth of a second": (7, 700, 1 / 30),
}
"""How many tokens come at once, how many are timed, and the seconds between."""
RUNS = 3
WORDS = [
    " the",
    " of",
    " a",
    ",",
    ".",
    " garden",
    " little",
    " painter",
    " snow",
    " and",
    " there",
    " was",
    "ing",
    "ed",
]


def story(count: int) -> list[str]:
    """Tokens of 4.2 characters on average, in paragraphs of about 80."""
    draw = random.Random(count)
    return ["\n\n" if draw.random() < 1 / 80 else draw.choice(WORDS) for _ in range(count)]


class Bench(App[float]):
    """One pane, filled and then timed; returns the CPU time of a token in microseconds."""

    def __init__(self, way: str, size: int, burst: int, count: int, pause: float) -> None:
        super().__init__()
        self.way, self.size_before, self.burst, self.count, self.pause = way, size, burst, count, pause

    def compose(self) -> ComposeResult:
        ways = {"floor": Static, "OutputPane": OutputPane, "Log": Log, "RichLog": partial(RichLog, wrap=True)}
        yield Label("a line above, for a pane that fills the screen is drawn in another way")
        yield ways[self.way](id="pane")

    def on_mount(self) -> None:
        self.run_worker(self.measure())

    async def measure(self) -> None:
        show = shower(self.query_one("#pane"))
        show(story(self.size_before))
        await asyncio.sleep(0.5)
        tokens = story(self.count)
        before = time.process_time()
        for start in range(0, self.count, self.burst):
            show(tokens[start : start + self.burst])
            await asyncio.sleep(self.pause)
        await asyncio.sleep(0.1)
        self.exit((time.process_time() - before) / self.count * 1e6)


def shower(pane: Widget) -> Callable[[list[str]], object]:
    """How tokens are shown in a pane."""
    match pane:
        case OutputPane():
            return pane.append
        case Log():
            return lambda tokens: pane.write("".join(tokens))
        case RichLog():
            return lambda tokens: pane.write("".join(tokens))
        case _:
            return lambda tokens: None


def timed(way: str, size: int, pattern: str) -> float:
    """Run one app in a pseudo-terminal of its own."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    reader, writer = os.pipe()
    argv = [sys.executable, __file__, "--app", json.dumps([way, size, *PATTERNS[pattern], writer])]
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    app = subprocess.Popen(argv, stdin=inner, stdout=inner, stderr=inner, pass_fds=[writer], env=environment)
    os.close(inner)
    os.close(writer)
    threading.Thread(target=drain, args=[outer], daemon=True).start()
    with os.fdopen(reader) as pipe:
        figure = float(pipe.read())
    app.wait()
    return figure


def drain(terminal: int) -> None:
    """Take what an app draws, at once, until it ends."""
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        os.close(terminal)


def rewrap_time(size: int) -> float:
    """Milliseconds of CPU to wrap a text to another width."""
    from steer_tui.tui.widgets.output.wrapped import WrappedText

    text = WrappedText("".join(story(size)), 100)
    before = time.process_time()
    text.rewrap(60)
    return (time.process_time() - before) * 1e3


def main() -> None:
    """Print the tables."""
    for pattern in PATTERNS:
        print(f"\nµs of CPU a token, {pattern}; medians of {RUNS} runs in a real pseudo-terminal of 120×40")
        print(f"{'tokens so far':16}" + "".join(f"{size:>12,}" for size in SIZES["OutputPane"]))
        for way in WAYS:
            figures = [statistics.median(timed(way, size, pattern) for _ in range(RUNS)) for size in SIZES[way]]
            print(f"{way:16}" + "".join(f"{figure:12.1f}" for figure in figures), flush=True)
    print("\nms of CPU to wrap all again after a change of width")
    print(f"{'tokens':16}" + "".join(f"{size:>12,}" for size in SIZES["OutputPane"]))
    print(f"{'OutputPane':16}" + "".join(f"{rewrap_time(size):12.1f}" for size in SIZES["OutputPane"]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--app"]:
        *arguments, report = json.loads(sys.argv[2])
        figure = Bench(*arguments).run()
        os.write(report, str(figure).encode())
    else:
        main()
