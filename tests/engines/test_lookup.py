"""The one feature that a name means, whatever an engine's search makes of the name."""

from collections.abc import Sequence

import pytest
from scripted_engine import FEATURES, ScriptedEngine

from steer_tui.domain import Feature
from steer_tui.engines.lookup import UnknownFeature, resolve_feature

BRIDGE = Feature("gemma/20-res/3124", "bridges", 8.0)
PAGE = "https://service.example/gemma/20-res/3124"


class Finding(ScriptedEngine):
    """Finds the same for every query, as a search by meaning finds something for any words."""

    def __init__(self, *found: Feature) -> None:
        super().__init__()
        self.queries: list[str] = []
        self._found = found

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        """What is always found, or for no query the features on offer."""
        self.queries.append(query)
        return (self._found if query else FEATURES)[:limit]


@pytest.mark.parametrize(
    "name",
    [
        PAGE,
        f"{PAGE}?embed=true",
        f"{PAGE}/#top",
        "service.example/gemma/20-res/3124",
        "gemma/20-res/3124",
        "20-res/3124",
        "layer-20/res/3124",
        "Bridges",
    ],
)
async def test_an_address_or_an_id_for_which_the_search_finds_one_feature_means_that_one(name: str) -> None:
    engine = Finding(BRIDGE)
    assert await resolve_feature(engine, name) == BRIDGE
    assert engine.queries == [name]


@pytest.mark.parametrize(
    "name", ["bridge", "big/bridges", "3124", "/3124", "gemma/20-res/124", "and/or", "bridges?x/3124"]
)
async def test_the_only_feature_that_comes_near_a_name_is_not_meant_by_it(name: str) -> None:
    with pytest.raises(UnknownFeature):
        await resolve_feature(Finding(BRIDGE), name)


@pytest.mark.parametrize("name", [PAGE, "layer-20/res/3124"])
async def test_one_of_several_that_are_found_is_not_meant(name: str) -> None:
    with pytest.raises(UnknownFeature):
        await resolve_feature(Finding(BRIDGE, Feature("gemma/21-res/3124", "towers", 8.0)), name)


async def test_a_name_that_the_search_does_not_know_is_looked_for_in_the_offer() -> None:
    engine = Finding()
    assert await resolve_feature(engine, FEATURES[1].id) == FEATURES[1]
    assert engine.queries == [FEATURES[1].id, ""]


async def test_an_address_that_leads_to_no_feature_is_asked_for_once() -> None:
    engine = Finding()
    with pytest.raises(UnknownFeature, match="There is no feature"):
        await resolve_feature(engine, PAGE)
    assert engine.queries == [PAGE]
