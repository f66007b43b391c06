"""What Neuronpedia has said of an SAE's features, as far as its answers are kept on disk; it asks nobody."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steer_tui.engines.kept import KeptAnswers, cache_folder

_SHAPE = 1
"""Which fields of the service's rows are kept; a version that keeps others counts on, and asks anew."""


def neuronpedia_answers(folder: Path | None = None) -> KeptAnswers:
    """What the service has answered, in its own folder or in another one."""
    return KeptAnswers(folder or cache_folder("neuronpedia"), _SHAPE)


def kept_labels(source: str, folder: Path | None = None) -> Mapping[int, str]:
    """The labels of the features of `model/source`, by index."""
    model, _, layer = source.strip().partition("/")
    if not (model and layer):
        return {}
    labels: dict[int, str] = {}
    for kept in neuronpedia_answers(folder).mentioning(layer):
        for row in _rows(kept.value):
            if row.get("modelId") == model and row.get("layer") == layer and (label := _label(row)):
                index = str(row.get("index"))
                if index.isascii() and index.isdigit() and len(index) < 10:
                    labels.setdefault(int(index), label)
    return labels


def _rows(value: Any, depth: int = 4) -> Iterator[Mapping[str, Any]]:
    """Each object that says which feature it is about, be it an answer, one of several, or part of a found one."""
    if depth and isinstance(value, dict):
        if "modelId" in value:
            yield value
        for part in value.values():
            yield from _rows(part, depth - 1)
    elif depth and isinstance(value, list):
        for part in value:
            yield from _rows(part, depth - 1)


def _label(row: Mapping[str, Any]) -> str | None:
    """The best that is said of a feature."""
    told = row.get("explanations")
    explanations = [one.get("description") for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    texts = [row.get("description"), *explanations, row.get("vectorLabel")]
    return next((text for text in texts if isinstance(text, str) and text.strip()), None)
