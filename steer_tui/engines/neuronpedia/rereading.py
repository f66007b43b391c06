"""The activations of a given text, asked for feature by feature."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from steer_tui.domain import Feature, Malformed, Unsupported
from steer_tui.engines.door import Reading
from steer_tui.engines.neuronpedia.names import FeatureName, read_id
from steer_tui.engines.neuronpedia.refusals import explain_activation
from steer_tui.engines.neuronpedia.rows import Row, read_row
from steer_tui.engines.neuronpedia.service import Service

REACH = 24
"""How far behind an unreadable token the next one is looked for, in characters."""


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
        name = read_id(feature.id)
        if name is None:
            raise Unsupported(f"Neuronpedia does not know the feature {feature.label!r}.")
        row = await _fired(service, text, name)
        if tokens is None:
            tokens = row.tokens
        if len(row.values) != len(row.tokens) or row.tokens != tokens:
            raise Malformed("The service read the same text as different tokens.")
        columns.append(row.values)
    pieces = _pieces(text, tokens or ())
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


def _pieces(text: str, tokens: Sequence[str]) -> tuple[str, ...]:
    """The text cut as the tokens cut it; what stands for an unreadable token goes to the last one of its kind."""
    pieces: list[str] = []
    at = 0
    for token in tokens:
        found = text.find(token, at, at + REACH + len(token)) if token and "\ufffd" not in token else -1
        if found > at and pieces:
            pieces[-1] += text[at:found]
            at = found
        if found == at:
            pieces.append(token)
            at += len(token)
        else:
            pieces.append("")
    if pieces:
        pieces[-1] += text[at:]
    return tuple(pieces)
