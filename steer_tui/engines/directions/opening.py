"""Opens what a place on disk names, and finds the best of what is open; it blocks, and runs in a thread."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TypeAlias

from steer_tui.domain import Malformed, NotFound, Rejected, SteerError, safe_line
from steer_tui.engines.directions.model_shape import ModelShape
from steer_tui.engines.directions.opened import Opened, OpenedSae, open_file, open_folder, open_row
from steer_tui.engines.directions.places import Place, read_place
from steer_tui.vectors import is_sae

SHOWN_MAX = 20
"""How many of an SAE's labelled features stand for all of them, and how many a search finds."""

_Readable: TypeAlias = Opened | tuple[OpenedSae, int]


@dataclass(frozen=True, slots=True)
class Target:
    """What a direction is opened for."""

    shape: ModelShape
    layer: int | None
    """Where a file acts that does not say, and which direction is meant where it has several."""


def open_place(place: Place, target: Target) -> tuple[Sequence[Opened], OpenedSae | None]:
    """The features that a place names, and the SAE that they are of.

    Raises `Misfit`, what is wrong with the files, and NotFound for a folder without an SAE.
    """
    if place.index is None and place.path.is_file():
        return [open_file(place, target.layer, target.shape)], None
    sae = open_folder(_sae_place(place))
    if place.index is not None:
        return [open_row(sae, place.index, target.layer, target.shape)], sae
    return first_rows(sae, target), sae


def sae_folder(text: str) -> Place | None:
    """The folder of an SAE that a single word names."""
    place = read_place(text)
    return place if place is not None and is_sae(place.path) else None


def check_labelled(sae: OpenedSae) -> None:
    """Raise NotFound for an SAE of which no feature has a label."""
    if not sae.labels:
        folder = safe_line(sae.place.path.name)
        raise NotFound(
            f"The SAE {folder} has {sae.sae.count} features, and no label for any of them.",
            hint=f"Name one by its number: {folder}#0 to {folder}#{sae.sae.count - 1}.",
        )


def first_rows(sae: OpenedSae, target: Target) -> Sequence[Opened]:
    """A few of an SAE's labelled features."""
    return _first_whole(((sae, index) for index in sorted(sae.labels)), target)


def best_of(text: str, opened: Iterable[Opened], saes: Iterable[OpenedSae], target: Target) -> Sequence[Opened]:
    """What is open under an id or a label that fits the text, best first, rows that were not read yet among it."""
    ranked: list[tuple[tuple[int, int], _Readable]] = []
    for one in opened:
        rank = (0, 0) if one.id == text else _rank(text, one.label)
        if rank is not None:
            ranked.append((rank, one))
    for sae in saes:
        for index, label in sae.labels.items():
            rank = _rank(text, label)
            if rank is not None:
                ranked.append((rank, (sae, index)))
    ranked.sort(key=itemgetter(0))
    return _first_whole((readable for _, readable in ranked), target)


def _first_whole(wanted: Iterable[_Readable], target: Target) -> Sequence[Opened]:
    """The first that fit and are whole, each once; where there is none, what is wrong with the first is raised."""
    found: dict[str, Opened] = {}
    fault: SteerError | None = None
    for readable in wanted:
        try:
            row = readable if isinstance(readable, Opened) else open_row(*readable, target.layer, target.shape)
            found.setdefault(row.id, row)
        except (Rejected, Malformed) as error:
            fault = fault or error
        if len(found) == SHOWN_MAX:
            break
    if fault is not None and not found:
        raise fault
    return list(found.values())


def _sae_place(place: Place) -> Place:
    """The SAE's folder, of which any file may be named."""
    if place.path.is_dir():
        return replace(place, index=None)
    if is_sae(place.path.parent):
        return replace(place, path=place.path.parent, index=None)
    name = safe_line(place.path.name)
    raise NotFound(f"{name} is a file of its own, with no features by number.", hint=f"Name it alone: {name}.")


def _rank(text: str, label: str) -> tuple[int, int] | None:
    """How far a label is from what was typed, or None where a word of that is not in it."""
    wanted, folded = text.casefold(), label.casefold()
    if not all(word in folded for word in wanted.split()):
        return None
    if folded == wanted:
        return 0, 0
    return (1 if folded.startswith(wanted) else 2 if wanted in folded else 3), len(folded)
