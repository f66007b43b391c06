"""Directions as they are read from disk: which of a file's are meant, where they act, and whether they fit a model."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import FeatureKind, Rejected, safe_line
from steer_tui.engines.directions.kept_labels import kept_labels
from steer_tui.engines.directions.model_shape import Misfit, ModelShape
from steer_tui.engines.directions.places import Place
from steer_tui.engines.directions.pushes import Push
from steer_tui.engines.directions.readouts import Readout, projection
from steer_tui.vectors import Direction, Sae, open_sae, read_vector_file

LABEL_MAX = 200


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A feature's numbers."""

    id: str
    label: str
    """On one line; another feature may bear it too."""
    kind: FeatureKind
    pushes: tuple[Push, ...]
    read: Readout | None
    """None where its activation cannot be read."""
    unread: str = ""
    """Why it cannot, as a sentence."""

    def has_numbers_of(self, other: "Opened") -> bool:
        """Whether the other one acts just as this one does, and is read so."""
        mine, theirs = self._numbers(), other._numbers()
        return [at for at, _ in mine] == [at for at, _ in theirs] and all(
            np.array_equal(one, another) for (_, one), (_, another) in zip(mine, theirs, strict=True)
        )

    def _numbers(self) -> Sequence[tuple[object, NDArray[np.float32]]]:
        pushed = [(push.layer, push.values) for push in self.pushes]
        if self.read is None:
            return pushed
        encoder = self.read.encoder
        return [*pushed, ((self.read.layer, encoder.bias, encoder.threshold), encoder.values)]


@dataclass(frozen=True, slots=True, eq=False)
class OpenedSae:
    """An SAE whose rows can be read."""

    place: Place
    """Its folder, with the layer that was named."""
    sae: Sae
    labels: Mapping[int, str]
    """On one line each, and no two the same."""


def open_file(place: Place, layer: int | None, shape: ModelShape) -> Opened:
    """The feature of a file; `layer` is for one that names none or several, and one alone keeps it. Raises `Misfit`."""
    file = read_vector_file(place.path)
    name = place.path.name
    shape.check_width(name, len(file.directions[0].values))
    acting = _acting(name, file.directions, place.layer, layer)
    for at, _ in acting:
        shape.check_layer(name, at)
    asked = layer if place.layer is None else place.layer
    is_part = asked is not None and (len(file.directions) > 1 or file.directions[0].layer is None)
    tail = f"@{asked}" if is_part else ""
    pushes = _scaled(name, acting)
    return Opened(
        id=f"{place.path}{tail}",
        label=f"{one_line(place.path.stem) or 'vector'}{tail}",
        kind=FeatureKind.VECTOR,
        pushes=pushes,
        read=projection(pushes),
    )


def open_folder(place: Place) -> OpenedSae:
    """The SAE of a folder, with the labels of a file in it, and else with those that Neuronpedia has told of it."""
    sae = open_sae(place.path)
    known = kept_labels(sae.neuronpedia_id) if sae.neuronpedia_id else {}
    told = {**{index: label for index, label in known.items() if index < sae.count}, **sae.labels}
    lines = {index: line for index, label in told.items() if (line := one_line(label))}
    times = Counter(line.casefold() for line in lines.values())
    unique = {index: line if times[line.casefold()] == 1 else f"{line} (#{index})" for index, line in lines.items()}
    return OpenedSae(place, sae, unique)


def open_row(opened: OpenedSae, index: int, layer: int | None, shape: ModelShape) -> Opened:
    """A feature of an SAE. Raises `Misfit`."""
    place, sae = opened.place, opened.sae
    name = f"{place.path.name}#{index}"
    try:
        direction = sae.direction(index, shape.width)
    except Rejected as error:  # of another width; which side of its tables counts features is not known then
        raise Misfit(error.message, hint=error.hint) from error
    shape.check_width(name, len(direction.values))
    said = sae.layer if direction.layer is None else direction.layer
    at = _layer(name, said, place.layer, layer)
    shape.check_layer(name, at)
    encoder = sae.encoder(index, shape.width)
    return Opened(
        id=f"{place.path}#{index}" if said is not None else f"{place.path}#{index}@{at}",
        label=opened.labels.get(index, f"{one_line(place.path.name) or 'SAE'}#{index}"),
        kind=FeatureKind.SAE,
        pushes=_scaled(name, [(at, direction)]),
        read=Readout(at, encoder) if encoder else None,
        unread="" if encoder else sae.unread or "Its SAE has no encoder.",
    )


def misfit(opened: Opened, shape: ModelShape) -> Misfit | None:
    """Why a feature that was opened for a model cannot act in this one, or None where it can."""
    try:
        shape.check_width(opened.label, len(opened.pushes[0].values))
        for push in opened.pushes:
            shape.check_layer(opened.label, push.layer)
    except Misfit as error:
        return error
    return None


def one_line(text: str) -> str:
    """A label as it may stand in a list."""
    return " ".join(text[: 4 * LABEL_MAX].split())[:LABEL_MAX]


def _acting(
    name: str, directions: Sequence[Direction], named: int | None, layer: int | None
) -> Sequence[tuple[int, Direction]]:
    """The directions that are meant, each with its layer."""
    if len(directions) == 1:
        return [(_layer(name, directions[0].layer, named, layer), directions[0])]
    asked = layer if named is None else named
    by_layer = {direction.layer: direction for direction in directions if direction.layer is not None}
    if asked is None:
        return sorted(by_layer.items())
    if asked not in by_layer:
        known = ", ".join(map(str, sorted(by_layer)))
        raise Misfit(f"{safe_line(name)} has no vector for layer {asked}.", hint=f"It has one for each of: {known}.")
    return [(asked, by_layer[asked])]


def _layer(name: str, said: int | None, named: int | None, layer: int | None) -> int:
    """What the file has said, else what was named behind its name, else what is for all that say none."""
    at = next((known for known in (said, named, layer) if known is not None), None)
    if at is None:
        raise Rejected(
            f"{safe_line(name)} does not say at which layer it acts.",
            hint=f"Name the layer behind the name, such as {safe_line(name)}@14, or with --layer.",
        )
    if named is not None and named != at:
        raise Misfit(
            f"{safe_line(name)} acts at layer {at}, and layer {named} was asked for.", hint="Leave the layer out."
        )
    return at


def _scaled(name: str, acting: Sequence[tuple[int, Direction]]) -> tuple[Push, ...]:
    """The directions, all made longer or shorter by the same number so that the longest has length 1."""
    longest = max(direction.norm for _, direction in acting)
    return tuple(
        Push(layer, (direction.values.astype(np.float64) / longest).astype(np.float32)) for layer, direction in acting
    )
