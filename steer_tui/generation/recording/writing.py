"""Writes a recording while the run goes on: each line is on its way to the disk before the next event comes."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from steer_tui.domain import ActivationEvent, ErrorEvent, Event, TokenEvent, event_to_wire
from steer_tui.engines.replay import RecordedRun
from steer_tui.generation.delivery import Clock
from steer_tui.generation.recording.bounds import LAST_MOMENT, MOST_ACTIVATION
from steer_tui.generation.recording.header import header_to_wire
from steer_tui.generation.recording.names import Names, file_name


class Recorder:
    """Takes a run's beginning, and then its events as they come."""

    def __init__(self, file: BinaryIO, clock: Clock = time.monotonic) -> None:
        self._file, self._clock = file, clock
        self._names = Names()
        self._began: float | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the first line is written."""
        return self._began is not None

    def begin(self, run: RecordedRun) -> None:
        """The run begins now; of paths in its names only the last part is written."""
        named = tuple(replace(dial, feature=self._names.feature(dial.feature)) for dial in run.dials)
        self._write(header_to_wire(replace(run, model=file_name(run.model), dials=named)))
        self._began = self._clock()

    def take(self, event: Event) -> None:
        """An event has come."""
        assert self._began is not None, "the run has begun"
        name, data = event_to_wire(self._names.event(_in_numbers(event)))
        self._write({"at": round(self._clock() - self._began, 4), "event": name, "data": data})

    def _write(self, value: dict[str, Any]) -> None:
        # A lone surrogate becomes \udcXX, which inside a JSON text is its right spelling.
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        self._file.write(line.encode(errors="backslashreplace") + b"\n")
        self._file.flush()


def _in_numbers(event: Event) -> Event:
    """The event without what is no number that JSON has: a model may well compute one."""
    match event:
        case TokenEvent(logprob=float(logprob)) if not math.isfinite(logprob):
            return replace(event, logprob=None)
        case ActivationEvent(features=features):
            return replace(event, features=tuple(one for one in features if abs(one.activation) <= MOST_ACTIVATION))
        case ErrorEvent(retry_after=float() | int() as seconds):
            return replace(event, retry_after=min(max(seconds, 0.0), LAST_MOMENT))
        case _:
            return event


@contextmanager
def new_recording(path: Path, clock: Clock = time.monotonic) -> Iterator[Recorder]:
    """A new file, of which nothing stays where nothing was recorded.

    Raises OSError where it cannot be made, FileExistsError above all.
    """
    recorder: Recorder | None = None
    try:
        with path.open("xb") as file:
            recorder = Recorder(file, clock)
            yield recorder
    finally:
        if recorder is not None and not recorder.has_begun:
            path.unlink(missing_ok=True)
