"""The engine's features, as far as clients may see them: no path of a client's makes the server open a file."""

import asyncio
from collections.abc import Sequence
from typing import Any

from steer_tui.domain import Event, Evidence, Feature
from steer_tui.domain.described import feature_to_wire
from steer_tui.domain.public_names import Names, public_event
from steer_tui.engines import Engine, Explains
from steer_tui.engines.directions.places import is_written_as_path, read_place
from steer_tui.engines.lookup import UnknownFeature, resolve_feature
from steer_tui.engines.registry import FILE_ENGINES
from steer_tui.engines.services import Searches

EXPLAINED_MAX = 100
"""How many features one page holds where each takes a request of its own to be explained."""

OFFERED = 4
"""How many of the engine's features are watched for a client that names none."""


class Offer:
    """What can be steered by; whoever asks sees to how long it may take."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_of_files = engine.info.name in FILE_ENGINES
        # Of files' features, by the names that clients know; the engine holds every one of them too.
        self._names = Names()
        self._by_id: dict[str, Feature] = {}
        self._by_label: dict[str, Feature] = {}
        self._is_listed = False

    def event(self, event: Event) -> Event:
        """An event as clients see it."""
        return self._names.event(event) if self._is_of_files else public_event(event)

    async def page(self, query: str, offset: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        """The features that fit a query as JSON objects, and where the next ones begin, or None behind the last."""
        if isinstance(self._engine, Searches) and query.strip():
            page = await self._engine.search(query, offset)
            # Of what a search has found a service may know much more, which takes a request for each.
            return [self._told(feature, Evidence()) for feature in page.features], page.next_offset
        if isinstance(self._engine, Explains):
            limit = min(limit, EXPLAINED_MAX)
        found = await self._find(query, offset + limit + 1)
        told = [self._told(feature, await self._evidence(feature)) for feature in found[offset : offset + limit]]
        return told, offset + limit if len(found) > offset + limit else None

    async def resolve(self, name: str) -> Feature:
        """The feature of this id or label; raises UnknownFeature, and what the engine's search raises."""
        if not self._is_of_files:
            return await resolve_feature(self._engine, name)
        feature = self._named(name)
        if feature is None:
            await self._list()
            feature = self._named(name)
        if feature is None and not await self._is_hidden(name):
            feature = await self._searched(name)
        if feature is None:  # in our own words: the engine's may hold paths
            raise UnknownFeature(f"There is no feature {name!r}.", hint="GET /api/features lists them.")
        return feature

    async def watched_without_dials(self) -> Sequence[Feature]:
        """The first ones, where there are first ones."""
        return [] if isinstance(self._engine, Searches) else await self._find("", OFFERED)

    async def _find(self, query: str, limit: int) -> Sequence[Feature]:
        if not self._is_of_files:
            return await self._engine.find_features(query, limit)
        if not self._is_listed:
            await self._list()
        if await self._is_hidden(query):
            feature = self._named(query)
            return [] if feature is None else [feature]
        return self._learnt(await self._engine.find_features(query, limit))

    async def _list(self) -> None:
        """Name all that the engine offers, in an order that a later process has too."""
        offered = await self._engine.find_features("")
        self._learnt(sorted(offered, key=lambda feature: feature.id))
        self._is_listed = True

    def _learnt(self, features: Sequence[Feature]) -> Sequence[Feature]:
        for feature in features:
            named = self._names.feature(feature)
            self._by_id[named.id] = self._by_label[_folded(named.label)] = feature
        return features

    def _named(self, name: str) -> Feature | None:
        return self._by_label.get(_folded(name)) or self._by_id.get(name.strip())

    async def _searched(self, name: str) -> Feature | None:
        """What the engine itself knows by the name, such as a feature of an SAE that it does not list."""
        try:
            feature = await resolve_feature(self._engine, name)
        except UnknownFeature:
            return None
        return self._learnt([feature])[0]

    async def _is_hidden(self, query: str) -> bool:
        """Whether the engine would look on the server's disk for it."""
        if not query.strip():
            return False
        return is_written_as_path(query) or await asyncio.to_thread(read_place, query.strip()) is not None

    async def _evidence(self, feature: Feature) -> Evidence:
        return await self._engine.evidence(feature) if isinstance(self._engine, Explains) else Evidence()

    def _told(self, feature: Feature, evidence: Evidence) -> dict[str, Any]:
        return feature_to_wire(self._names.feature(feature) if self._is_of_files else feature, evidence)


def _folded(text: str) -> str:
    return text.strip().casefold()
