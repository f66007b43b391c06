"""What `steer-tui features` lists: the engine's offer, or the pages of a search."""

from dataclasses import dataclass, replace

from steer_tui.cli.loading import showing_loading
from steer_tui.domain import Feature
from steer_tui.engines import Engine
from steer_tui.engines.services import FeaturePage, Searches
from steer_tui.generation.patience import finding, patience


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
    async with showing_loading(engine), finding(engine):
        offer = await engine.find_features(wanted.query, None if end is None else end + 1)
    more = end if end is not None and len(offer) > end else None
    return Listing(tuple(offer[wanted.offset : end]), more)


async def _searched(engine: Searches, wanted: Wanted) -> Listing:
    """The pages up to what is wanted, cut here: the service's own offsets count a feature on two pages twice."""
    end = None if wanted.limit is None else wanted.offset + wanted.limit
    found = FeaturePage((), next_offset=0)
    ages: list[float] = []
    while found.next_offset is not None and len(found.features) < (wanted.offset + 1 if end is None else end):
        async with patience():
            page = await engine.search(wanted.query, found.next_offset)
        known, found = len(found.features), found.joined(page)
        if len(found.features) == known:  # nothing new follows, whatever the service says
            found = replace(found, next_offset=None)
        elif len(found.features) > wanted.offset and page.age_seconds is not None:
            ages.append(page.age_seconds)
    shown = found.features[wanted.offset : end]
    reached = wanted.offset + len(shown)
    has_more = reached < len(found.features) or (found.next_offset is not None and len(shown) > 0)
    return Listing(shown, reached if has_more else None, max(ages, default=None), is_searched=True)
