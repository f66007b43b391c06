"""Reads a recording, which anybody may have sent: everything in it is bounded, and what is wrong names its line."""

import codecs
import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from steer_tui.domain import ActivationEvent, ErrorEvent, Event, Malformed, event_from_wire
from steer_tui.domain.events import LAST_MOMENT, MOST_ACTIVATION
from steer_tui.engines.replay import RecordedRun, Recording, TimedEvent
from steer_tui.generation.recording.bounds import FILE_BYTES, LINE_BYTES, MOST_EVENTS, MOST_FEATURES
from steer_tui.generation.recording.header import CHANGED, header_from_wire

CUT = "Its last line is incomplete and was left out: the run that wrote it was stopped."


def read_recording(path: Path) -> Recording:
    """The recording in a file; raises OSError where it cannot be read, and `Malformed`.

    A last line that was not written to its end is left out, and the recording says so.
    """
    with path.open("rb") as file:
        return _read(file, path.name)


class _Line(ValueError):
    """A line is no JSON; it may be one that was not written to its end."""


def _read(file: BinaryIO, name: str) -> Recording:
    run: RecordedRun | None = None
    events: list[TimedEvent] = []
    note: str | None = None
    for number, line in _lines(file, name):
        try:
            value = _parse(line)
            if run is None:
                run = header_from_wire(value)
            else:
                events.append(_event(value, run, events[-1].at if events else 0.0))
        except _Line:
            if run is None or line.endswith(b"\n"):
                _fail(name, number, "it is not JSON")
            note = CUT
        except Malformed as error:
            _fail(name, number, error.message.rstrip("."), error.hint if run is None else CHANGED)
        if len(events) > MOST_EVENTS:
            _fail(name, number, f"a recording has {MOST_EVENTS:,} events at most")
    if run is None:
        raise Malformed(f"{name} is empty.", hint="`steer-tui run --record FILE` writes a recording.")
    return Recording(run, tuple(events), note)


def _lines(file: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers, without blank ones."""
    total = 0
    for number in count(1):
        line = file.readline(LINE_BYTES + 1)
        if not line:
            return
        total += len(line)
        if len(line) > LINE_BYTES:
            _fail(name, number, f"it is longer than {LINE_BYTES:,} bytes")
        if total > FILE_BYTES:
            _fail(name, number, f"a recording has {FILE_BYTES:,} bytes at most")
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip():
            yield number, line


def _parse(line: bytes) -> object:
    try:
        return json.loads(line.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _Line from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _event(value: object, run: RecordedRun, earliest: float) -> TimedEvent:
    fields: dict[str, Any] = value if isinstance(value, dict) else {}
    at, name = fields.get("at"), fields.get("event")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at <= LAST_MOMENT:
        raise Malformed("it does not say when its event came, in seconds since the run began")
    if at < earliest:
        raise Malformed("its event came before that of the line above")
    _check_count(fields.get("data"))
    event = event_from_wire(name, fields.get("data")) if isinstance(name, str) else None
    if event is None:
        raise Malformed("it names no event that is known")
    _check(event, run)
    return TimedEvent(float(at), event)


def _check_count(data: object) -> None:
    """Refuse what tells of too many features, before there is an object for each."""
    features = data.get("features") if isinstance(data, dict) else None
    if isinstance(features, list) and len(features) > MOST_FEATURES:
        raise Malformed(f"its event tells of more than {MOST_FEATURES} features")


def _check(event: Event, run: RecordedRun) -> None:
    if event.lane is not None and event.lane not in run.lanes:
        raise Malformed(f"its event is of the {event.lane.value} text, which was not asked for")
    match event:
        case ActivationEvent(features=features) if any(abs(one.activation) > MOST_ACTIVATION for one in features):
            raise Malformed("an activation in it is too large to be one")
        case ErrorEvent(retry_after=seconds) if seconds is not None and not 0 <= seconds <= LAST_MOMENT:
            raise Malformed("it does not say its retryAfter as it should")
        case _:
            pass


def _fail(name: str, number: int, what: str, hint: str = CHANGED) -> NoReturn:
    raise Malformed(f"{name}, line {number}: {what}.", hint=hint)
