"""The app as a process in a real pseudo-terminal: started, used, left, and nothing of it remains."""

import os
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

AND_THEN = 'before=$(stty -g); "$@"; code=$?; test "$(stty -g)" = "$before" && echo RESTORED; exit $code'
"""A shell runs the program and looks at the terminal's settings: ours would be reset once it has ended."""

ENTER, ESCAPE, TAB, RIGHT, CTRL_Q = "\r", "\x1b", "\t", "\x1b[C", "\x11"


class Terminal:
    """A pseudo-terminal in which a program runs, and what stands on its screen."""

    def __init__(self, arguments: list[str], environment: dict[str, str], columns: int, lines: int) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.Stream(self._screen)
        self.raw = ""
        self.process = pexpect.spawn(
            "sh",
            ["-c", AND_THEN, "sh", sys.executable, "-m", "steer_tui", *arguments],
            env=environment,
            dimensions=(lines, columns),
            encoding="utf-8",
            timeout=1,
        )
        self.settings_before = termios.tcgetattr(self.process.child_fd)

    def read(self) -> None:
        """Take in what has been written within a moment."""
        try:
            written = self.process.read_nonblocking(65536, timeout=0.05)
        except pexpect.TIMEOUT:
            return
        self.raw += written
        self._stream.feed(written)

    @property
    def text(self) -> str:
        """The screen, line below line."""
        return "\n".join(self._screen.display)

    def wait_for(self, words: str, seconds: float = 20.0) -> None:
        """Read until the words stand on the screen."""
        end = time.monotonic() + seconds
        while words not in self.text:
            assert time.monotonic() < end, f"{words!r} is not on the screen:\n{self.text}"
            self.read()

    def wait_for_the_end(self) -> int:
        """Read until the program has ended and return its exit code."""
        end = time.monotonic() + 20
        while self.process.isalive():
            assert time.monotonic() < end, f"it does not end:\n{self.text}"
            try:
                self.read()
            except pexpect.EOF:
                break
        self.process.wait()
        return int(self.process.exitstatus if self.process.exitstatus is not None else -1)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "PYTHONPATH") if name in os.environ}
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return {"LANG": "C.UTF-8", "TERM": "xterm-256color", "COLORTERM": "truecolor", **kept, **home}


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    running: list[Terminal] = []
    yield running
    for terminal in running:
        terminal.process.close(force=True)


def test_start_type_generate_turn_cancel_quit(environment: dict[str, str], terminals: list[Terminal]) -> None:
    slow = {**environment, "STEER_TUI_GENERATION__PACE": "5"}
    terminal = Terminal(["--max-tokens", "20"], slow, 80, 24)
    terminals.append(terminal)
    terminal.wait_for("Once upon a time")
    terminal.wait_for("+4.0")
    assert termios.tcgetattr(terminal.process.child_fd) != terminal.settings_before
    terminal.process.send("The little dog")
    terminal.wait_for("The little dog")
    assert "Once upon a time" not in terminal.text
    terminal.process.send(ENTER)
    terminal.wait_for("done ·")
    terminal.process.send(TAB + RIGHT)
    terminal.wait_for("+4.5")
    terminal.wait_for("streaming")
    terminal.process.send(ESCAPE)
    terminal.wait_for("cancelled")
    terminal.process.send(CTRL_Q)
    assert terminal.wait_for_the_end() == 0
    assert terminal.raw.endswith("RESTORED\r\n")
    assert "\x1b[?1049l" in terminal.raw[-400:]
    assert "\x1b[?25h" in terminal.raw[-400:]
    assert "Traceback" not in terminal.raw


def test_a_terminal_that_is_too_small_gets_a_sentence(environment: dict[str, str], terminals: list[Terminal]) -> None:
    terminal = Terminal([], environment, 20, 5)
    terminals.append(terminal)
    terminal.process.expect(pexpect.EOF, timeout=20)
    terminal.process.wait()
    assert terminal.process.exitstatus == 2
    assert "20×5" in " ".join(terminal.process.before.split())
    assert "40×14" in " ".join(terminal.process.before.split())
