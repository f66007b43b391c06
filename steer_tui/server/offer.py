"""The engine's features, as far as clients may see them: no path of a client's makes the server open a file."""

import asyncio
from collections.abc import Sequence
from typing import Any

from steer_tui.domain import Evidence, Feature
from steer_tui.domain.described import feature_to_wire
from steer_tui.engines import Engine, Explains
from steer_tui.engines.directions.places import is_written_as_path, read_place
from steer_tui.engines.lookup import UnknownFeature, resolve_feature
from steer_tui.engines.registry import FILE_ENGINES
from steer_tui.engines.services import Searches
from steer_tui.generation.patience import patience
from steer_tui.server.discretion import public_id

_KNOWN_MAX = 10_000

OFFERED = 4
"""How many of the engine's features are watched for a client that names none."""


class Offer:
    """What can be steered by."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_of_files = engine.info.name in FILE_ENGINES
        self._known: dict[str, Feature] = {}  # what was told under an id that is not the engine's own

    def public_id(self, id: str) -> str:
        """A feature's id as clients see it."""
        return public_id(id) if self._is_of_files else id

    async def page(self, query: str, offset: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        """The features that fit a query as JSON objects, and where the next ones begin, or None behind the last."""
        if isinstance(self._engine, Searches) and query.strip():
            async with patience(engine=self._engine):
                page = await self._engine.search(query, offset)
            # Of what a search has found a service may know much more, which takes a request for each.
            return [self._told(feature, Evidence()) for feature in page.features], page.next_offset
        found = await self._find(query, offset + limit + 1)
        told = [self._told(feature, await self._evidence(feature)) for feature in found[offset : offset + limit]]
        return told, offset + limit if len(found) > offset + limit else None

    async def resolve(self, name: str) -> Feature:
        """The feature of this id or label; raises UnknownFeature, and what the engine's search raises."""
        if name in self._known:
            return self._known[name]
        if await self._is_hidden(name):
            raise UnknownFeature(f"There is no feature {name!r}.", hint="GET /api/features lists them.")
        async with patience(engine=self._engine):
            return await resolve_feature(self._engine, name)

    async def watched_without_dials(self) -> Sequence[Feature]:
        """The first ones, where there are first ones."""
        return [] if isinstance(self._engine, Searches) else await self._find("", OFFERED)

    async def _find(self, query: str, limit: int) -> Sequence[Feature]:
        if await self._is_hidden(query):
            return []
        async with patience(engine=self._engine):
            return await self._engine.find_features(query, limit)

    async def _is_hidden(self, query: str) -> bool:
        """Whether the engine would look on the server's disk for it."""
        if not self._is_of_files or not query.strip():
            return False
        return is_written_as_path(query) or await asyncio.to_thread(read_place, query.strip()) is not None

    async def _evidence(self, feature: Feature) -> Evidence:
        if not isinstance(self._engine, Explains):
            return Evidence()
        async with patience(engine=self._engine):
            return await self._engine.evidence(feature)

    def _told(self, feature: Feature, evidence: Evidence) -> dict[str, Any]:
        told = self.public_id(feature.id)
        if told != feature.id:
            if len(self._known) >= _KNOWN_MAX:
                self._known.pop(next(iter(self._known)))
            self._known[told] = feature
        return feature_to_wire(feature, evidence) | {"id": told}
