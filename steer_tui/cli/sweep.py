"""`steer-tui sweep`: what a dial does at many values, beside a random direction of the same norm."""

import math
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from steer_tui.cli.dials import WrittenDial
from steer_tui.cli.files import check_named
from steer_tui.cli.publication import tell_publication
from steer_tui.cli.readiness import ready_dials
from steer_tui.cli.settings import Settings
from steer_tui.cli.sweep_progress import progress_of
from steer_tui.cli.sweep_reports import Report
from steer_tui.cli.telling import tell
from steer_tui.cli.text_files import read_texts
from steer_tui.domain import VALUE_MAX, VALUE_MIN, InvalidValue
from steer_tui.generation.sweep import (
    NEUTRAL_OPENINGS,
    Sample,
    SweepPlan,
    charge_of,
    require_quota,
    row_of,
    samples_of,
    sweep,
)

MOST_VALUES = 101


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the flags ask for, before an engine knows the feature."""

    feature: str
    values: tuple[float, ...]
    prompts: tuple[str, ...]
    samples: int


def parse_values(text: str) -> tuple[float, ...]:
    """The values of START:STOP:STEP, STOP included, or of a list with commas: each once, by rising value."""
    try:
        listed = _stepped(*map(float, text.split(":"))) if ":" in text else list(map(float, text.split(",")))
    except (ValueError, TypeError, OverflowError, ZeroDivisionError) as error:
        form = "START:STOP:STEP, such as -10:10:2 (STOP included), or a list, such as -6,0,6"
        raise InvalidValue(f"--values is {form}; it is {text!r}.") from error
    if len(listed) > MOST_VALUES:
        raise InvalidValue(f"--values names {MOST_VALUES} values at most; {text!r} are more.")
    # Tenths are no binary fractions: without rounding, a sum of them would miss 0, which means off.
    values = sorted({round(value, 6) + 0.0 for value in listed})
    for value in values:
        if not VALUE_MIN <= value <= VALUE_MAX:
            raise InvalidValue(f"A dial goes from {VALUE_MIN:+g} to {VALUE_MAX:+g}; --values names {value:g}.")
    return tuple(values)


def _stepped(start: float, stop: float, step: float) -> list[float]:
    steps = math.floor((stop - start) / step + 1e-9)
    if steps < 0:
        raise ValueError("the step leads away from the end")
    return [start + place * step for place in range(min(steps, MOST_VALUES) + 1)]


def read_prompts(file: Path | None, prompt: str | None) -> tuple[str, ...]:
    """The prompts of a file, one a line (`-` reads standard input), else the one that is given, else neutral ones."""
    if file is None:
        return NEUTRAL_OPENINGS if prompt is None else (prompt,)
    return read_texts(file, "--prompts", "prompt")


async def print_sweep(settings: Settings, wanted: Wanted, report: Report) -> None:
    """Sweep, and report each value as soon as it is known."""
    written = WrittenDial(wanted.feature, 0.0, "--feature")
    check_named(settings.engine, settings.engine_settings, [written])
    async with aclosing(settings.open_engine()) as engine:
        [dial] = await ready_dials(engine, settings, [written])
        plan = SweepPlan(
            dial.feature,
            wanted.values,
            wanted.prompts,
            wanted.samples,
            settings.sampling,
            settings.method,
            chat=settings.chat,
        )
        total = samples_of(engine, plan)
        tell_publication(engine)
        if (charge := charge_of(engine, plan)) is not None:
            require_quota(engine, plan)
            tell(f"The sweep takes {charge} requests of the service.")
        report.begin(plan)
        try:
            with progress_of(total, streams=report.streams) as progress:
                finished: list[Sample] = []
                samples = sweep(engine, plan, on_pause=progress.pause, deadlines=settings.deadlines)
                async with aclosing(samples):
                    async for sample in samples:
                        progress.advance()
                        finished.append(sample)
                        if len(finished) == total // len(plan.values):
                            report.take(row_of(sample.case.value, finished))
                            finished.clear()
        finally:
            report.end()  # what is known counts, however the sweep ended
