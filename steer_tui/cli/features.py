"""`steer-tui features`: what the engine can steer by."""

import json
from collections.abc import Sequence
from contextlib import aclosing

from steer_tui.cli.output import Output
from steer_tui.cli.settings import Settings
from steer_tui.cli.telling import tell
from steer_tui.domain import Feature
from steer_tui.engines import open_engine


async def list_features(settings: Settings, query: str, limit: int | None) -> None:
    """Print a line a feature for a person: label, kind, id and the tokens it promotes."""
    features = await _found(settings, query, limit)
    if not features:
        tell(f"No feature fits {query!r}.")
    output = Output()
    widths = [max((len(column) for column in row), default=0) for row in zip(*map(_columns, features), strict=True)]
    for feature in features:
        cells = (cell.ljust(width) for cell, width in zip(_columns(feature), widths, strict=True))
        output.line("  ".join(cells).rstrip())


async def print_features(settings: Settings, query: str, limit: int | None) -> None:
    """Print a JSON object a feature."""
    output = Output()
    for feature in await _found(settings, query, limit):
        output.json(
            {
                "id": feature.id,
                "label": feature.label,
                "kind": feature.kind.value,
                "unit": feature.unit,
                "maxActivation": feature.max_activation,
                "promoted": feature.promoted,
            }
        )


async def _found(settings: Settings, query: str, limit: int | None) -> Sequence[Feature]:
    async with aclosing(open_engine(settings.engine)) as engine:
        return await engine.find_features(query, limit)


def _columns(feature: Feature) -> tuple[str, ...]:
    # In quotes, tokens show the spaces and line breaks that they begin with.
    promoted = " ".join(json.dumps(token, ensure_ascii=False) for token in feature.promoted)
    return feature.label, feature.kind.value, feature.id, promoted
