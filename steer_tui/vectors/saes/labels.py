"""What the features of an SAE are called, from a file in its folder.

One of these is read, the first that is there:

- `labels.json`: {"12": "winter"}, or a list of {"index": 12, "label": "winter"}
- `labels.csv`: a table with the columns `index` and `label`
- `labels.jsonl`: one {"index": 12, "label": "winter"} a line
- `explanations.json` and `explanations.jsonl`: the same, as Neuronpedia exports them, with `description` for `label`
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from steer_tui.domain import Malformed, SteerError, finite_or_none
from steer_tui.vectors.faults import exactly, file_size, named, reading, too_large

FILES = ("labels.json", "labels.csv", "labels.jsonl", "explanations.json", "explanations.jsonl")
LABELS_MAX = 256 << 20
"""Bytes of a sentence for each of a million features."""

LABEL_MAX = 500
"""Characters of a label that are kept."""

_KEYS = ("label", "description")


def read_labels(folder: Path, count: int) -> Mapping[int, str]:
    """The labels by index; an index that the SAE does not have is left out, and so is a label without text."""
    path = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if path is None:
        return {}
    try:
        labels = {index: text.strip()[:LABEL_MAX] for index, text in _pairs(path) if 0 <= index < count}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, csv.Error) as error:
        raise _strange(path) from error
    return {index: text for index, text in labels.items() if text}


def _pairs(path: Path) -> Iterator[tuple[int, str]]:
    size = file_size(path)
    if size > LABELS_MAX:
        raise too_large(path, f"it has {size:,} bytes")
    with reading(path) as file:
        text = exactly(file, size, path).decode("utf-8-sig")
    if path.suffix == ".csv":
        table = csv.DictReader(StringIO(text, newline=""))
        if "index" not in (table.fieldnames or ()):
            raise KeyError("index")
        return _entries(table)
    if path.suffix == ".jsonl":
        return _entries(json.loads(line) for line in text.split("\n") if line.strip())
    told = json.loads(text)
    if isinstance(told, dict):
        return ((_index(index), _text(label)) for index, label in told.items())
    return _entries(told)


def _entries(rows: Iterable[Any]) -> Iterator[tuple[int, str]]:
    for row in rows:
        label = next((row[key] for key in _KEYS if row.get(key)), "")
        yield _index(row["index"]), _text(label)


def _index(told: object) -> int:
    """A whole number, written as one or as text."""
    if isinstance(told, str):
        return int(told)
    number = finite_or_none(told)
    if number is None or not number.is_integer():
        raise TypeError(told)
    return int(number)


def _text(label: object) -> str:
    if not isinstance(label, str):
        raise TypeError(label)
    return label


def _strange(path: Path) -> SteerError:
    return Malformed(
        f"{named(path)} holds no labels by index.",
        hint='Write it as {"12": "winter"}, or remove it: the SAE works without it.',
    )
