"""`steer-tui run`: one prompt through the engine to standard output."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

from steer_tui.cli.dials import OFFERED, resolve_dials
from steer_tui.cli.output import JsonLines, Output, PlainText, Printer
from steer_tui.cli.settings import Settings
from steer_tui.cli.telling import tell
from steer_tui.domain import Dial, Feature, GenerationRequest, Lane, SteerError, SteeringVector
from steer_tui.engines import Engine, Windows, open_engine
from steer_tui.generation import RETRIES, Pause, deliver


async def print_text(settings: Settings, lanes: tuple[Lane, ...]) -> None:
    """Print the lanes' texts as they come."""
    await _print_lanes(settings, lanes, PlainText(Output(), lanes), watched_without_dials=0)


async def print_events(settings: Settings, lanes: tuple[Lane, ...]) -> None:
    """Print every event of the lanes as a line of JSON, activations of the engine's first features included."""
    await _print_lanes(settings, lanes, JsonLines(Output()), watched_without_dials=OFFERED)


async def _print_lanes(
    settings: Settings, lanes: tuple[Lane, ...], printer: Printer, watched_without_dials: int
) -> None:
    request = GenerationRequest(settings.prompt or "", settings.sampling, lanes=lanes)
    lane: Lane | None = None
    async with aclosing(open_engine(settings.engine)) as engine:
        try:
            dials = await resolve_dials(engine, settings.dials)
            watched = await _watched(engine, dials, watched_without_dials)
            request = replace(request, vector=SteeringVector.of(dials), watched=watched)
            await _tell_window(engine, request)
            # A lane's text does not depend on the other, so one after the other reads best.
            for lane in lanes:
                printer.begin(lane)
                await _print_lane(engine, replace(request, lanes=(lane,)), printer, settings)
                printer.end()
        except SteerError as error:
            printer.fail(error, lane)
            raise


async def _print_lane(engine: Engine, request: GenerationRequest, printer: Printer, settings: Settings) -> None:
    pace = settings.loaded.config.generation.pace
    await deliver(engine, request, printer.take, _wait, deadlines=settings.deadlines, pace=pace)


async def _watched(engine: Engine, dials: tuple[Dial, ...], without_dials: int) -> tuple[Feature, ...]:
    if dials:
        return tuple(dial.feature for dial in dials)
    return tuple(await engine.find_features("", without_dials)) if without_dials else ()


async def _tell_window(engine: Engine, request: GenerationRequest) -> None:
    if isinstance(engine, Windows):
        window = await engine.prompt_window(request)
        if window.seen < window.total:
            tell(f"The prompt has {window.total} tokens, and the model reads the last {window.seen} of them.")


async def _wait(pause: Pause) -> None:
    tell(f"{pause.error.message} Trying again in {pause.seconds:g} s ({pause.attempt} of {RETRIES}).")
    await asyncio.sleep(pause.seconds)
