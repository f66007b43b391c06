"""What `steer-tui features` lists: the engine's offer, or the pages of a search."""

from collections.abc import Sequence
from dataclasses import dataclass

from steer_tui.domain import Feature
from steer_tui.engines import Engine
from steer_tui.engines.services import Searches
from steer_tui.generation.patience import patience


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which features are asked for."""

    query: str = ""
    offset: int = 0
    """How many are passed over."""
    limit: int | None = None
    """The most of them; without it a whole offer, or one page of a search."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found."""

    features: tuple[Feature, ...]
    next_offset: int | None = None
    """Where more follow, or None where there are none."""
    age_seconds: float | None = None
    """How old the oldest answer from disk in it is, or None where the service has just given all."""
    is_searched: bool = False
    """Whether a service has found them, which may know much more about each."""


async def list_wanted(engine: Engine, wanted: Wanted) -> Listing:
    """Search page by page on an engine that does, and else take the part of its offer that fits."""
    if isinstance(engine, Searches) and wanted.query.strip():
        return await _searched(engine, wanted)
    end = None if wanted.limit is None else wanted.offset + wanted.limit
    async with patience():
        offer = await engine.find_features(wanted.query, None if end is None else end + 1)
    more = end if end is not None and len(offer) > end else None
    return Listing(tuple(offer[wanted.offset : end]), more)


async def _searched(engine: Searches, wanted: Wanted) -> Listing:
    found: list[Feature] = []
    ages: list[float] = []
    offset: int | None = wanted.offset
    while offset is not None:
        async with patience():
            page = await engine.search(wanted.query, offset)
        ages += [] if page.age_seconds is None else [page.age_seconds]
        taken = _first(page.features, None if wanted.limit is None else wanted.limit - len(found))
        found += taken
        if len(taken) < len(page.features):
            offset += len(taken)
            break
        offset = page.next_offset
        if wanted.limit is None or len(found) >= wanted.limit or not page.features:
            break
    return Listing(tuple(found), offset, max(ages, default=None), is_searched=True)


def _first(features: Sequence[Feature], most: int | None) -> Sequence[Feature]:
    return features if most is None else features[:most]
