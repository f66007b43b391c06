"""What the person sees while the training runs."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Report:
    """One bar a stage; plain lines now and then where the output is no terminal."""

    def __init__(self) -> None:
        """A report on the standard output."""
        self.console = Console()
        columns = (TextColumn("{task.description:<22}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
                   TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))  # fmt: skip
        self._bars = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self._tasks: dict[str, TaskID] = {}
        self._spoken = 0.0

    def __enter__(self) -> "Report":
        """Shows the bars."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the bars on the screen."""
        self._bars.stop()

    def say(self, line: str) -> None:
        """A line that stays."""
        self.console.print(line, markup=False, highlight=False)

    def step(self, stage: str, done: int, total: int, note: str = "") -> None:
        """How far a stage is."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total, note=note)
        self._bars.update(self._tasks[stage], completed=done, note=note)
        if not self.console.is_terminal and (done >= total or time.monotonic() - self._spoken > 20):
            self._spoken = time.monotonic()
            self.say(f"{time.strftime('%H:%M:%S')} {stage} {done}/{total} {note}")
