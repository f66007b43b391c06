"""How far a sweep is, on standard error."""

import math
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from steer_tui.cli.telling import tell
from steer_tui.domain import safe_line
from steer_tui.generation import Pause


class Progress(Protocol):
    """Hears of each finished sample, and of each wait."""

    def advance(self) -> None:
        """One more sample is finished."""
        ...

    def pause(self, pause: Pause) -> None:
        """Nothing comes until the next attempt."""
        ...


def progress_of(total: int, *, streams: bool) -> AbstractContextManager[Progress]:
    """A bar where a person watches, for `total` samples; `streams` says that lines come on standard output meanwhile.

    Lines on the same terminal would tear the bar, and they show how far the sweep is themselves.
    """
    if sys.stderr is None or not sys.stderr.isatty() or (streams and sys.stdout.isatty()):
        return nullcontext(_Words())
    return _Bar(total)


def _waiting(pause: Pause) -> str:
    return f"{pause.error.message} Going on in {math.ceil(pause.seconds)} s."


class _Words:
    """Tells of waits alone."""

    def advance(self) -> None:
        pass

    def pause(self, pause: Pause) -> None:
        tell(_waiting(pause))


class _Bar(AbstractContextManager["_Bar"]):
    """A bar that leaves nothing behind."""

    def __init__(self, total: int) -> None:
        from rich import progress
        from rich.console import Console

        columns = (
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("texts"),
            progress.TimeRemainingColumn(),
        )
        self._bar = progress.Progress(
            *columns, console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> "_Bar":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self) -> None:
        self._bar.advance(self._task)

    def pause(self, pause: Pause) -> None:
        self._bar.console.print(safe_line(_waiting(pause)), markup=False, highlight=False)
