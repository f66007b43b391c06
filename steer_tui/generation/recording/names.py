"""Names as they may leave this machine: a file's own in place of its path."""

import re
from dataclasses import replace
from itertools import count

from steer_tui.domain import ActivationEvent, ErrorEvent, Event, Feature
from steer_tui.domain.discretion import discreet

_FILE_ID = re.compile(r"(?P<random>(?:random-\d+/)*)(?P<path>(?:/|[A-Za-z]:[/\\]|\\\\).+)", re.DOTALL)


def file_name(name: str) -> str:
    """The last part of a name that is a whole path; any other name as it is."""
    match = _FILE_ID.fullmatch(name)
    return name if match is None else match["random"] + _parts(match["path"])[-1]


class Names:
    """What each feature is called in a recording, and no two the same."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._labels: dict[str, str] = {}

    def feature(self, feature: Feature) -> Feature:
        """The feature by its name there."""
        return replace(feature, id=self._id(feature.id), label=self._label(feature.id, feature.label))

    def event(self, event: Event) -> Event:
        """The event with the names there, and an error without the places that it names."""
        match event:
            case ActivationEvent(features=features):
                named = (replace(one, id=self._id(one.id), label=self._label(one.id, one.label)) for one in features)
                return replace(event, features=tuple(named))
            case ErrorEvent(message=message):
                return replace(event, message=discreet(message))
            case _:
                return event

    def _id(self, id: str) -> str:
        if id not in self._ids:
            self._ids[id] = _unlike(file_name(id), set(self._ids.values()))
        return self._ids[id]

    def _label(self, id: str, label: str) -> str:
        if id not in self._labels:
            self._labels[id] = _unlike(_without_folders(label, id), set(self._labels.values()))
        return self._labels[id]


def _parts(path: str) -> list[str]:
    separators = r"/" if path.startswith("/") else r"[/\\]"
    return [part for part in re.split(separators, path) if part] or [""]


def _without_folders(label: str, id: str) -> str:
    """The label of a file's feature, which names its folders where others bear the same."""
    match = _FILE_ID.fullmatch(id)
    if match is None:
        return label
    parts = _parts(match["path"])
    for depth in range(len(parts), 1, -1):
        label = label.replace("/".join(parts[-depth:]), parts[-1])
    return label.replace(f"(/{parts[-1]})", f"({parts[-1]})")


def _unlike(name: str, taken: set[str]) -> str:
    numbered = (f"{name} ({number})" for number in count(2))
    return name if name not in taken else next(one for one in numbered if one not in taken)
