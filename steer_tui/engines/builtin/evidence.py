"""What the weights folder tells about its features beside their names: `evidence.json`."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steer_tui.domain import Context, CurvePoint, Evidence, Telltale
from steer_tui.engines.builtin.catalogue import read_json


def read_evidence(folder: Path) -> Mapping[str, Evidence]:
    """The evidence by feature id."""
    return read_json(folder / "evidence.json", lambda data: {str(id): _evidence(entry) for id, entry in data.items()})


def _evidence(entry: Any) -> Evidence:
    return Evidence(
        contexts=tuple(_context(context) for context in entry.get("contexts") or ()),
        curve=tuple(sorted((_point(point) for point in entry.get("curve") or ()), key=lambda point: point.value)),
        telltale=_telltale(entry.get("telltale")),
    )


def _context(context: Any) -> Context:
    tokens, activations = _texts(context["tokens"]), tuple(_finite(value) for value in context["activations"])
    if len(tokens) != len(activations):
        raise ValueError(f"a context has {len(tokens)} tokens and {len(activations)} activations")
    return Context(tokens, activations)


def _point(point: Any) -> CurvePoint:
    random_share = point.get("randomShare")
    return CurvePoint(
        value=_finite(point["value"]),
        share=_share(point["share"]),
        nats=_finite(point["nats"]),
        random_share=None if random_share is None else _share(random_share),
    )


def _telltale(telltale: Any) -> Telltale | None:
    if telltale is None:
        return None
    if (mark := telltale.get("mark")) is not None:
        least = int(telltale.get("least", 1))
        if not isinstance(mark, str) or not mark or least < 1:
            raise ValueError(f"a text cannot show a concept by {least} times {mark!r}")
        return Telltale(mark=mark, least=least)
    return Telltale(words=frozenset(word.lower() for word in _texts(telltale["words"])))


def _texts(texts: Any) -> tuple[str, ...]:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{texts!r:.60} is not a list of texts")
    return tuple(texts)


def _finite(value: Any) -> float:
    if not math.isfinite(number := float(value)):
        raise ValueError(f"{value} is not a number")
    return number


def _share(value: Any) -> float:
    if not 0 <= (number := _finite(value)) <= 1:
        raise ValueError(f"a share is {value}, not between 0 and 1")
    return number
