"""`steer-tui presets`: features with values that somebody found worth keeping."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from steer_tui.cli.output import Output
from steer_tui.cli.settings import Settings
from steer_tui.cli.tables import table
from steer_tui.cli.telling import tell
from steer_tui.domain import VALUE_MAX, VALUE_MIN, Method, Unsupported
from steer_tui.engines.services import ChargesPresets, OffersPresets, Preset
from steer_tui.generation.patience import patience


async def list_presets(settings: Settings) -> None:
    """Print each preset for a person: its name, its prompt, and its dials as --dial takes them."""
    output = Output()
    presets = await _presets(settings)
    if not presets:
        tell("There are no presets for this model.")
    for place, preset in enumerate(presets):
        if place:
            output.line("")
        output.line(_heading(preset))
        if preset.prompt is not None:
            output.line(f"  {preset.prompt}")
        for line in table(_rows(preset)):
            output.line(f"  {line}")


async def print_presets(settings: Settings) -> None:
    """Print a JSON object a preset."""
    output = Output()
    for preset in await _presets(settings):
        output.json(_to_wire(preset))


async def _presets(settings: Settings) -> Sequence[Preset]:
    async with aclosing(settings.open_engine()) as engine:
        if not isinstance(engine, OffersPresets):
            raise Unsupported(
                f"The engine {settings.engine} has no presets.", hint="Choose a service with --engine neuronpedia."
            )
        if isinstance(engine, ChargesPresets) and (cost := await engine.presets_cost()):
            tell(cost)
        async with patience():
            return await engine.presets()


def _is_raw(preset: Preset) -> bool:
    """Whether its dials are written as raw strengths: --dial alone takes no value beyond its two ends."""
    return not all(VALUE_MIN <= value <= VALUE_MAX for _, value in preset.dials)


def _heading(preset: Preset) -> str:
    notes = [] if preset.method is Method.ADDITIVE else [preset.method.value]
    notes += ["with --raw"] if _is_raw(preset) else []
    return f"{preset.name} ({', '.join(notes)})" if notes else preset.name


def _rows(preset: Preset) -> list[tuple[str, str]]:
    is_raw = _is_raw(preset)
    return [
        (f"{feature.id}={value * feature.unit if is_raw else value:g}", feature.label)
        for feature, value in preset.dials
    ]


def _to_wire(preset: Preset) -> dict[str, Any]:
    dials = [{"id": feature.id, "label": feature.label, "value": value} for feature, value in preset.dials]
    return {"name": preset.name, "prompt": preset.prompt, "method": preset.method.value, "dials": dials}
