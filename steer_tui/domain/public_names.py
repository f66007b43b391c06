"""Names as they may leave this machine: a file's own in place of its path."""

import re
from collections.abc import Container
from dataclasses import replace
from itertools import count

from steer_tui.domain.discretion import discreet
from steer_tui.domain.events import ActivationEvent, ErrorEvent, Event
from steer_tui.domain.steering import Feature

_FILE_ID = re.compile(r"(?P<random>(?:random-\d+/)*)(?P<path>(?:/|~|\.\.?[/\\]|[A-Za-z]:[/\\]|\\\\).+)", re.DOTALL)


def public_name(name: str) -> str:
    """The last part of a name that is a whole path; any other name as it is."""
    match = _FILE_ID.fullmatch(name)
    return name if match is None else match["random"] + _parts(match["path"])[-1]


def public_event(event: Event) -> Event:
    """The event, an error without the places that it names."""
    return replace(event, message=discreet(event.message)) if isinstance(event, ErrorEvent) else event


class Names:
    """What each feature is called outside, and no two the same; the first that is named keeps the plain name."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._labels: dict[str, str] = {}
        self._taken_ids: set[str] = set()
        self._taken_labels: set[str] = set()

    def feature(self, feature: Feature) -> Feature:
        """The feature by its name there."""
        return replace(feature, id=self._id(feature.id), label=self._label(feature.id, feature.label))

    def event(self, event: Event) -> Event:
        """The event with the names there, and an error without the places that it names."""
        if not isinstance(event, ActivationEvent):
            return public_event(event)
        named = (replace(one, id=self._id(one.id), label=self._label(one.id, one.label)) for one in event.features)
        return replace(event, features=tuple(named))

    def _id(self, id: str) -> str:
        if id not in self._ids:
            self._ids[id] = _unlike(public_name(id), self._taken_ids)
            self._taken_ids.add(self._ids[id])
        return self._ids[id]

    def _label(self, id: str, label: str) -> str:
        if id not in self._labels:
            self._labels[id] = _unlike(_without_folders(label, id), self._taken_labels)
            self._taken_labels.add(self._labels[id])
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


def _unlike(name: str, taken: Container[str]) -> str:
    numbered = (f"{name} ({number})" for number in count(2))
    return name if name not in taken else next(one for one in numbered if one not in taken)
