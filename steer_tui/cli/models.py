"""`steer-tui models`: what a service can steer."""

from contextlib import aclosing
from typing import Any

from steer_tui.cli.output import Output
from steer_tui.cli.settings import Settings
from steer_tui.cli.tables import table
from steer_tui.domain import NotFound, Unsupported
from steer_tui.engines import Engine
from steer_tui.engines.services import ModelOffer, OffersModels
from steer_tui.generation.patience import patience


async def list_models(settings: Settings, name: str | None) -> None:
    """Print a line a model for a person, or of the one that is named a line a source."""
    output = Output()
    models = await _models(settings, name)
    rows = [_columns(model) for model in models] if name is None else _source_columns(models[0])
    for line in table(rows):
        output.line(line)


async def print_models(settings: Settings, name: str | None) -> None:
    """Print a JSON object a model, its sources included."""
    output = Output()
    for model in await _models(settings, name):
        output.json(_to_wire(model))


async def _models(settings: Settings, name: str | None) -> list[ModelOffer]:
    async with aclosing(settings.open_engine()) as engine:
        if not isinstance(engine, OffersModels):
            raise Unsupported(
                f"The engine {settings.engine} has one model, {_only_model(settings, engine)}.",
                hint="Choose a service with --engine neuronpedia.",
            )
        async with patience():
            models = list(await engine.models())
    if name is None:
        return models
    named = [model for model in models if model.id.casefold() == name.strip().casefold()]
    if not named:
        raise NotFound(f"There is no model {name!r}.", hint="`steer-tui models` lists them all.")
    return named


def _only_model(settings: Settings, engine: Engine) -> str:
    asked = settings.engine_settings
    return engine.info.model if asked.url is None or asked.model is not None else "that of its server"


def _columns(model: ModelOffer) -> tuple[str, ...]:
    steered = sum(source.can_steer for source in model.sources)
    return (
        model.id,
        _steers(model.can_steer),
        f"{steered} of {len(model.sources)} sources",
        "" if model.layers is None else f"{model.layers} layers",
        "chat" if model.is_instruct else "",
        "" if model.name == model.id else model.name,
    )


def _source_columns(model: ModelOffer) -> list[tuple[str, ...]]:
    return [(f"{model.id}/{source.id}", _steers(model.can_steer and source.can_steer)) for source in model.sources]


def _steers(can_steer: bool) -> str:
    return "can be steered" if can_steer else "shown only"


def _to_wire(model: ModelOffer) -> dict[str, Any]:
    return {
        "id": model.id,
        "name": model.name,
        "canSteer": model.can_steer,
        "isInstruct": model.is_instruct,
        "layers": model.layers,
        "sources": [{"id": source.id, "canSteer": source.can_steer} for source in model.sources],
    }
