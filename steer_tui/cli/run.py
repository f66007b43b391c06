"""`steer-tui run`: one prompt through the engine to standard output."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from steer_tui.cli.dials import OFFERED
from steer_tui.cli.output import JsonLines, Output, PlainText, Printer
from steer_tui.cli.publication import tell_link, tell_publication
from steer_tui.cli.readiness import ready_dials
from steer_tui.cli.record import Record, recording_to
from steer_tui.cli.settings import Settings
from steer_tui.cli.telling import tell
from steer_tui.domain import (
    Dial,
    ErrorEvent,
    Event,
    Feature,
    GenerationRequest,
    Lane,
    SteerError,
    SteeringVector,
    error_from_code,
)
from steer_tui.engines import Engine, LanePolicy, Windows
from steer_tui.engines.registry import FILE_ENGINES
from steer_tui.engines.services import Searches
from steer_tui.generation import RETRIES, Pause, deliver


async def print_text(settings: Settings, lanes: tuple[Lane, ...], file: Path | None) -> None:
    """Print the lanes' texts as they come, and record the run where a file is named."""
    watched = 0 if file is None else OFFERED
    with recording_to(file) as record:
        await _print_lanes(settings, lanes, PlainText(Output(), lanes), record, watched_without_dials=watched)


async def print_events(settings: Settings, lanes: tuple[Lane, ...], file: Path | None) -> None:
    """Print every event of the lanes as a line of JSON, activations of the engine's first features included.

    Where a file is named, the run is recorded in it.
    """
    with recording_to(file) as record:
        await _print_lanes(settings, lanes, JsonLines(Output()), record, watched_without_dials=OFFERED)


async def _print_lanes(
    settings: Settings, lanes: tuple[Lane, ...], printer: Printer, record: Record, watched_without_dials: int
) -> None:
    request = GenerationRequest(settings.prompt or "", settings.sampling, lanes=lanes, chat=settings.chat)
    lane: Lane | None = None
    refused: list[ErrorEvent] = []

    def take(event: Event) -> None:
        record.take(event)
        printer.take(event)
        if isinstance(event, ErrorEvent):
            refused.append(event)

    async with aclosing(settings.open_engine()) as engine:
        try:
            dials = await ready_dials(engine, settings, settings.dials)
            watched = await _watched(engine, settings, dials, watched_without_dials)
            request = replace(request, vector=SteeringVector.of(dials, settings.method), watched=watched)
            await _tell_window(engine, request)
            tell_publication(engine)
            record.begin(engine.info, request, dials)
            if engine.info.lanes is LanePolicy.TOGETHER:
                printer.begin(lanes[0])
                await _deliver(engine, request, take, settings)
                printer.end()
                for lane in lanes[1:]:
                    printer.begin(lane)
                    printer.end()
            else:
                # A lane's text does not depend on the other, so one after the other reads best.
                for lane in lanes:
                    printer.begin(lane)
                    await _deliver(engine, replace(request, lanes=(lane,)), take, settings)
                    printer.end()
        except SteerError as error:
            record.fail(error, lane, engine.info, request)
            printer.fail(error, lane)
            raise
        tell_link(engine)
    for event in refused:  # one lane's failure, which did not stop the other
        raise error_from_code(event.code, event.message, event.retry_after)


async def _deliver(
    engine: Engine, request: GenerationRequest, sink: Callable[[Event], None], settings: Settings
) -> None:
    pace = settings.loaded.config.generation.pace
    await deliver(
        engine,
        request,
        sink,
        _wait,
        on_difference=_tell_difference,
        deadlines=settings.deadlines,
        pace=lambda: pace,
    )


async def _watched(
    engine: Engine, settings: Settings, dials: tuple[Dial, ...], without_dials: int
) -> tuple[Feature, ...]:
    """Those of the dials, else so many; where nobody reads what they do, only where generating may need them."""
    if dials:
        is_needed = without_dials or settings.engine not in FILE_ENGINES
        return tuple(dial.feature for dial in dials) if is_needed else ()
    if isinstance(engine, Searches):
        return ()  # of more features than can be listed none is the first
    return tuple(await engine.find_features("", without_dials)) if without_dials else ()


async def _tell_window(engine: Engine, request: GenerationRequest) -> None:
    if isinstance(engine, Windows):
        window = await engine.prompt_window(request)
        if window.seen < window.total:
            tell(f"The prompt has {window.total} tokens, and the model reads the last {window.seen} of them.")


def _tell_difference(lane: Lane) -> None:
    tell(f"The {lane.value} text came out differently this time.")


async def _wait(pause: Pause) -> None:
    tell(f"{pause.error.message} Trying again in {pause.seconds:g} s ({pause.attempt} of {RETRIES}).")
    await asyncio.sleep(pause.seconds)
