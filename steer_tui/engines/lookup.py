"""Finds the one feature that a name means: its label, whole and without regard to case, or else its id.

The model that an id begins with may be left out, for an engine has one. What is written as an id or an address may
differ from the id in more: there the engine's search decides, where it finds one feature alone. A path to a file may be
written in any way that leads there.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from steer_tui.domain import Feature, NotFound
from steer_tui.engines.directions.places import leads_to
from steer_tui.engines.door import Engine

_RANDOM = re.compile(r"random-\d+/", re.ASCII)


class UnknownFeature(NotFound):
    """No feature has the name, or more than one has it; the hint says which come nearest."""


async def resolve_feature(engine: Engine, name: str) -> Feature:
    """The feature that is meant; raises UnknownFeature, and what the engine's search raises."""
    found = await engine.find_features(name)
    if feature := _named(found, name) or _addressed(found, name) or _filed(found, name):
        return feature
    # A search may be narrower than the offer, such as one that knows labels and no ids; nothing is called an address.
    offer = () if "://" in name else await engine.find_features("")
    if feature := _named(offer, name):
        return feature
    raise UnknownFeature(f"There is no feature {name!r}.", hint=_nearest([*found, *offer], name))


def _named(features: Iterable[Feature], name: str) -> Feature | None:
    by_id = {feature.id: feature for feature in features}
    without_model = {feature.id.partition("/")[2]: feature for feature in by_id.values()}
    labelled = [feature for feature in by_id.values() if _folded(feature.label) == _folded(name)]
    if len(labelled) > 1:
        ids = ", ".join(feature.id for feature in labelled)
        raise UnknownFeature(f"More than one feature is called {name!r}.", hint=f"Name it by its id: {ids}.")
    return labelled[0] if labelled else by_id.get(name) or without_model.get(name)


def _addressed(features: Sequence[Feature], name: str) -> Feature | None:
    """The only feature that was found, if the name is written as its id is; a search by meaning finds one for any."""
    place, slash, index = re.split("[?#]", name.strip())[0].rstrip("/").rpartition("/")
    is_meant = len(features) == 1 and place and features[0].id.endswith(slash + index)
    return features[0] if is_meant else None


def _filed(features: Sequence[Feature], name: str) -> Feature | None:
    """The only feature that was found, if the name leads to its file; of a random direction, after the same seed."""
    if len(features) != 1:
        return None
    seed, place = _parted(name.strip())
    own_seed, own_place = _parted(features[0].id)
    return features[0] if seed == own_seed and leads_to(place, own_place) else None


def _parted(name: str) -> tuple[str, str]:
    """The seed that a random direction's name begins with, or nothing, and the rest."""
    start = _RANDOM.match(name)
    return (start[0], name[start.end() :]) if start else ("", name)


def _nearest(features: Iterable[Feature], name: str) -> str:
    names = {_folded(feature.label): feature.label for feature in features}
    names |= {_folded(feature.id): feature.id for feature in features}
    near = get_close_matches(_folded(name), names, n=3)
    return f"Nearest: {', '.join(names[match] for match in near)}." if near else "No name comes near it."


def _folded(text: str) -> str:
    return text.strip().casefold()
