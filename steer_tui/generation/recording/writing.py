"""Writes a recording while the run goes on: each line is on its way to the disk before the next event comes."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Any

from steer_tui.domain import ActivationEvent, Event, event_to_wire
from steer_tui.domain.public_names import Names, public_name
from steer_tui.engines.replay import RecordedRun
from steer_tui.generation.delivery import Clock
from steer_tui.generation.recording.bounds import MOST_FEATURES
from steer_tui.generation.recording.header import header_to_wire


class Recorder:
    """Takes a run's beginning, and then its events as they come."""

    def __init__(self, file: FileIO, clock: Clock = time.monotonic) -> None:
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
        self._write(header_to_wire(replace(run, model=public_name(run.model), dials=named)))
        self._began = self._clock()

    def take(self, event: Event) -> None:
        """An event has come; of more features than a reader takes the first are written."""
        assert self._began is not None, "the run has begun"
        if isinstance(event, ActivationEvent) and len(event.features) > MOST_FEATURES:
            event = replace(event, features=event.features[:MOST_FEATURES])
        name, data = event_to_wire(self._names.event(event))
        self._write({"at": round(self._clock() - self._began, 4), "event": name, "data": data})

    def _write(self, value: dict[str, Any]) -> None:
        # A lone surrogate becomes \udcXX, which inside a JSON text is its right spelling.
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        left = line.encode(errors="backslashreplace") + b"\n"
        while left:
            left = left[self._file.write(left) :]


@contextmanager
def new_recording(path: Path, clock: Clock = time.monotonic) -> Iterator[Recorder]:
    """A new file, of which nothing stays where nothing was recorded.

    Raises OSError where it cannot be made, FileExistsError above all.
    """
    recorder: Recorder | None = None
    try:
        # Without a buffer, which would fail once more as it is closed where the disk is full.
        with path.open("xb", buffering=0) as file:
            recorder = Recorder(file, clock)
            yield recorder
    finally:
        if recorder is not None and not recorder.has_begun:
            path.unlink(missing_ok=True)
