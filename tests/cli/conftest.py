"""The command line, in this process or one of its own, with a home in which nobody has set anything."""

import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cli.scripted import made

import steer_tui
from steer_tui.cli import main
from steer_tui.engines import registry

REAL = ["-m", "steer_tui"]
SCRIPTED = [str(Path(__file__).parent / "scripted.py")]


@dataclass
class Done:
    """What a command line left behind."""

    returncode: int
    stdout: str
    stderr: str


@dataclass
class CommandLine:
    """`steer-tui` in a process of its own."""

    home: Path
    program: list[str] = field(default_factory=lambda: list(REAL))
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def own(self) -> Path:
        """The user's own config file."""
        return self.home / "config" / "steer-tui" / "config.toml"

    def write_own(self, text: str) -> None:
        self.own.parent.mkdir(parents=True, exist_ok=True)
        self.own.write_text(text)

    def start(self, *arguments: str, **options) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STEER_TUI_")}
        ours = {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "PYTHONPATH": str(Path(steer_tui.__file__).parent.parent),
        }
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [sys.executable, *self.program, *arguments],
            **(pipes | {"encoding": "utf-8"} | options),
            env=kept | ours | self.variables,
            # A suite that was started in the background ignores interrupts, and would hand that down.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def __call__(self, *arguments: str) -> Done:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return Done(process.returncode, out, err)


class CommandLineHere(CommandLine):
    """The same in this process, for what a process of its own would add nothing to."""

    def __init__(self, home, monkeypatch, capfd):
        super().__init__(home)
        self._monkeypatch, self._capfd = monkeypatch, capfd
        # It would take this process's own terminal, and wait for somebody to leave it.
        monkeypatch.setattr("steer_tui.tui.app.SteerApp.run_async", lambda *_, **__: pytest.fail("the app was opened"))
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        for name in os.environ:
            if name.startswith("STEER_TUI_"):
                monkeypatch.delenv(name)

    def set(self, variable: str, value: str) -> None:
        self._monkeypatch.setenv(variable, value)

    def __call__(self, *arguments: str) -> Done:
        self._monkeypatch.setattr(sys, "argv", ["steer-tui", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return Done(end.value.code, *self._capfd.readouterr())


class PseudoTerminal:
    """Our end of a pseudo-terminal, and its own, which can be a standard stream of a process or of this one."""

    def __init__(self, ours, theirs, monkeypatch):
        self.ours, self.theirs, self._monkeypatch = ours, theirs, monkeypatch

    def becomes(self, *streams: str) -> None:
        """Be standard streams of this process until the test ends."""
        for name in streams:
            mode = "r" if name == "stdin" else "w"
            self._monkeypatch.setattr(sys, name, os.fdopen(self.theirs, mode, encoding="utf-8", closefd=False))

    def read(self) -> str:
        """All that has been written on it; waits until there is something."""
        assert select.select([self.ours], [], [], 20)[0], "nothing was written on the terminal"
        written = os.read(self.ours, 100_000)
        while select.select([self.ours], [], [], 0)[0]:
            written += os.read(self.ours, 100_000)
        return written.decode()


@pytest.fixture
def terminal(monkeypatch):
    """A pseudo-terminal."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    yield PseudoTerminal(ours, theirs, monkeypatch)
    os.close(ours)
    os.close(theirs)


@pytest.fixture(scope="session")
def kept_norms(tmp_path_factory):
    """Where norms are kept from one test to the next, so that only the first one waits until they are measured."""
    return tmp_path_factory.mktemp("norms")


@pytest.fixture
def steer(tmp_path):
    """`steer-tui` in a process of its own, with its real engines."""
    return CommandLine(tmp_path)


@pytest.fixture
def steer_here(tmp_path, monkeypatch, capfd):
    """`steer-tui` in this process."""
    return CommandLineHere(tmp_path, monkeypatch, capfd)


@pytest.fixture
def scripted(tmp_path):
    """`steer-tui` in a process of its own, with an engine that follows a script."""

    def follow(script: str) -> CommandLine:
        return CommandLine(tmp_path, list(SCRIPTED), {"SCRIPT": script, "CLOSED": str(tmp_path / "closed")})

    return follow


@pytest.fixture
def scripted_here(steer_here, monkeypatch):
    """`steer-tui` in this process, with an engine that follows a script."""

    def follow(script: str) -> CommandLine:
        monkeypatch.setenv("SCRIPT", script)
        monkeypatch.setitem(registry._FACTORIES, "builtin", lambda _: made())
        return steer_here

    return follow
