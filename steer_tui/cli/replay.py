"""`steer-tui replay`: a recording in the app, or on standard output."""

import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from steer_tui.cli.app import check_keys, require_room
from steer_tui.cli.output import JsonLines, Output, PlainText, Printer
from steer_tui.cli.telling import tell
from steer_tui.config import LoadedConfig
from steer_tui.domain import ErrorEvent, InvalidValue, Lane, SteerError, error_from_code
from steer_tui.engines.replay import RecordedRun, Recording, Replay, TimedEvent
from steer_tui.generation import Deadlines
from steer_tui.generation.recording import read_recording

if TYPE_CHECKING:
    from steer_tui.tui.app import AppOptions

QUICK_BYTES = 4 * 1024 * 1024
"""A file of so many bytes is read before anybody wonders; of a larger one it is said that it is read."""


def read_file(file: Path) -> Recording:
    """The recording in a file; raises InvalidValue for one that cannot be read, and Malformed for what is none."""
    try:
        if (size := file.stat().st_size) > QUICK_BYTES:
            tell(f"Reading {file.name}, {size / 1024**2:.0f} MiB ...")
        return read_recording(file)
    except OSError as error:
        raise InvalidValue(f"{file} cannot be read: {error.strerror}.") from error


def has_terminal() -> bool:
    """Whether there is something to draw on and somebody to press a key."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


async def print_text(recording: Recording, speed: float) -> None:
    """Print the lanes' texts as they came."""
    await _print(recording, speed, PlainText(Output(), recording.run.lanes))


async def print_events(recording: Recording, speed: float) -> None:
    """Print every event as a line of JSON, as it came."""
    await _print(recording, speed, JsonLines(Output()))


async def _print(recording: Recording, speed: float, printer: Printer) -> None:
    lanes = list(recording.run.lanes)
    came: set[Lane | None] = set()
    ended: set[Lane] = set()
    failed: list[ErrorEvent] = []
    printer.begin(lanes[0])
    has_begun = True
    try:
        async with aclosing(Replay(recording, speed=speed).stream(recording.run.request)) as events:
            async for event in events:
                came.add(event.lane)
                if not has_begun and lanes and lanes[0] in came:
                    printer.begin(lanes[0])
                    has_begun = True
                printer.take(event)
                if isinstance(event, ErrorEvent):
                    failed.append(event)
                ended |= {lane for lane in lanes if TimedEvent(0.0, event).ends(lane)}
                while has_begun and lanes[0] in ended:
                    printer.end()
                    lanes.pop(0)
                    has_begun = bool(lanes) and lanes[0] in came
                    if has_begun:
                        printer.begin(lanes[0])
    except SteerError as error:
        if not failed:  # the run went no further than its error
            if not has_begun:
                printer.begin(lanes[0])
            printer.fail(error, lanes[0])
            raise
    for event in failed:
        raise error_from_code(event.code, event.message, event.retry_after)


async def open_replay(recording: Recording, speed: float, loaded: LoadedConfig) -> int:
    """Play it in the app until that is left, and return the app's exit code."""
    from steer_tui.tui.app import SteerApp

    check_keys(loaded)
    require_room()
    async with aclosing(Replay(recording, speed=speed)) as engine:
        try:
            app = SteerApp(engine, replay_options(recording.run, loaded))
        except InvalidValue as error:
            raise InvalidValue(f"{loaded.where(('theme',))}: {error}") from error
        await app.run_async()
        return app.return_code or 0


def replay_options(run: RecordedRun, loaded: LoadedConfig) -> "AppOptions":
    """What the app opens with: all that was set for the run, and of the config what the person sees and presses."""
    from steer_tui.tui.app import AppOptions

    return AppOptions(
        prompt=run.prompt,
        sampling=run.sampling,
        chat=run.chat,
        dials=run.dials,
        method=run.method,
        auto=False,
        begins=True,
        deadlines=Deadlines(None, None, None),  # what came after a long wait comes after it again
        theme=loaded.config.theme,
        keys=loaded.config.keymap,
    )
