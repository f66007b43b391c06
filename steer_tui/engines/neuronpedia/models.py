"""The models that the service has, and which of their sources it computes with."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import WrapValidator

from steer_tui.domain import NotFound, SteerError, Unsupported
from steer_tui.engines.names import FeatureName
from steer_tui.engines.neuronpedia.rows import Row, Switch, Text, or_empty, or_none
from steer_tui.engines.services import ModelOffer, SourceOffer


class SourceRow(Row):
    """A source as the service holds it."""

    id: str
    inference_enabled: Switch = False


class SourceSetRow(Row):
    """Sources that were made together, one a layer."""

    sources: Annotated[tuple[SourceRow, ...], WrapValidator(or_empty)] = ()


class ModelRow(Row):
    """A model as the service holds it."""

    id: str
    display_name: Text = None
    inference_enabled: Switch = False
    instruct: Switch = False
    layers: Annotated[int | None, WrapValidator(or_none)] = None
    source_sets: Annotated[tuple[SourceSetRow, ...], WrapValidator(or_empty)] = ()


def offer_of(row: ModelRow) -> ModelOffer:
    """The model that a row tells of."""
    found = {source.id: source for together in row.source_sets for source in together.sources}
    sources = tuple(
        SourceOffer(source.id, row.inference_enabled and source.inference_enabled) for source in found.values()
    )
    return ModelOffer(row.id, row.display_name or row.id, row.inference_enabled, row.instruct, row.layers, sources)


def steerable_first(offers: Iterable[ModelOffer]) -> tuple[ModelOffer, ...]:
    """The models that can be steered, then the others, each by name."""
    return tuple(sorted(offers, key=lambda offer: (not offer.can_steer, offer.name.casefold())))


def missing_model(model: str, known: Iterable[str]) -> NotFound:
    """The error for a model that the service does not have."""
    near = get_close_matches(model, list(known), n=3)
    return NotFound(
        f"Neuronpedia has no model {model!r}.", hint=f"Nearest: {', '.join(near)}." if near else NotFound.default_hint
    )


def cannot_steer(offer: ModelOffer, names: Iterable[FeatureName], *, chat: bool) -> SteerError | None:
    """Why a model cannot be steered with these features, or None where nothing speaks against it."""
    if not offer.can_steer:
        return Unsupported(
            f"Neuronpedia shows the model {offer.id} and does not run it.", hint="Choose a model that can be steered."
        )
    if chat and not offer.is_instruct:
        return Unsupported(f"The model {offer.id} was not trained to chat.", hint="Generate without the chat template.")
    known = {source.id: source for source in offer.sources}
    for name in names:
        source = known.get(name.source)
        if source is not None and not source.can_steer:
            return Unsupported(
                f"Neuronpedia shows the source {name.source} and does not compute with it.",
                hint="Choose features of a source that can be steered with.",
            )
    return None


def kept_models(value: Any) -> list[ModelRow]:
    """The rows of an answer that lists models; one that cannot be read is left out."""
    rows = value if isinstance(value, list) else []
    return [row for told in rows if (row := or_none(told, ModelRow.model_validate)) is not None]
