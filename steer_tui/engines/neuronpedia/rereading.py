"""The activations of a given text, asked for feature by feature."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from steer_tui.domain import Feature, Malformed, Unsupported
from steer_tui.engines.door import Reading
from steer_tui.engines.names import FeatureName, read_name
from steer_tui.engines.neuronpedia.refusals import explain_activation
from steer_tui.engines.neuronpedia.rows import Row, read_row
from steer_tui.engines.neuronpedia.service import Service
from steer_tui.engines.texts.alignment import aligned


class FiredRow(Row):
    """How strongly a feature fires on each token of a text."""

    tokens: tuple[str, ...]
    values: tuple[Annotated[float, Field(allow_inf_nan=False)], ...]


async def reread(service: Service, text: str, features: Sequence[Feature]) -> Reading:
    """The activations of the features in the text, without steering; the service tells no probabilities."""
    if not features:
        raise Unsupported(
            "Neuronpedia tells how strongly features fire, and nothing else of a text.",
            hint="Add a dial for the feature that you want to see.",
        )
    columns: list[tuple[float, ...]] = []
    tokens: tuple[str, ...] | None = None
    for feature in features:
        name = read_name(feature.id)
        if name is None:
            raise Unsupported(f"Neuronpedia does not know the feature {feature.label!r}.")
        row = await _fired(service, text, name)
        if tokens is None:
            tokens = row.tokens
        if len(row.values) != len(row.tokens) or row.tokens != tokens:
            raise Malformed("The service read the same text as different tokens.")
        columns.append(row.values)
    pieces = aligned(tokens or (), text)
    return Reading(pieces, tuple(zip(*columns, strict=True)), (None,) * len(pieces))


async def _fired(service: Service, text: str, name: FeatureName) -> FiredRow:
    asked = {"modelId": name.model, "source": name.source, "index": str(name.index)}
    body = {"feature": asked, "customText": text}
    row = read_row(FiredRow, await service.ask("POST", "/api/activation/new", body, explain=explain_activation))
    # Of a vector, the token that begins every text may be told too.
    if row.tokens and len(row.values) == len(row.tokens) and not text.startswith(row.tokens[0]) and _is_mark(row):
        return FiredRow(tokens=row.tokens[1:], values=row.values[1:])
    return row


def _is_mark(row: FiredRow) -> bool:
    return row.tokens[0].startswith("<") and row.tokens[0].endswith(">")
