"""The one feature that a name means, whatever an engine's search makes of the name."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from engines.vectors_on_disk import Offering, row, sae_folder, vector_file
from scripted_engine import FEATURES, ScriptedEngine

from steer_tui.domain import Feature
from steer_tui.engines.directions.directions import Directions
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


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, and the home, with files of vectors in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    vector_file(tmp_path / "happy.json", {4: row(1)})
    vector_file(tmp_path / "sub" / "plain=x.json", row(2))
    vector_file(tmp_path / "sub" / "control.json", {1: row(1), 2: row(2)})
    (tmp_path / "link.json").symlink_to("sub/control.json")
    sae_folder(tmp_path / "layer_3" / "sae", {1: "sea"})
    sae_folder(tmp_path / "mine")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("happy.json", "happy.json"),
        ("./happy.json", "happy.json"),
        ("sub/../happy.json", "happy.json"),
        ("~/happy.json", "happy.json"),
        ("HOME/happy.json", "happy.json"),
        ("happy.json@4", "happy.json"),
        ("sub/plain=x.json@3", "sub/plain=x.json@3"),
        ("sub/control.json", "sub/control.json"),
        ("~/sub//control.json@2", "sub/control.json@2"),
        ("link.json@2", "link.json@2"),
        ("sub/../link.json@2", "link.json@2"),
        ("layer_3/sae#7", "layer_3/sae#7"),
        ("layer_3/sae/#7", "layer_3/sae#7"),
        ("layer_3/sae#7@3", "layer_3/sae#7"),
        ("HOME/layer_3/sae#7", "layer_3/sae#7"),
        ("mine#7@2", "mine#7@2"),
    ],
)
@pytest.mark.parametrize("random", ["", "random-7/"])
async def test_however_a_file_is_named_its_feature_is_meant(files: Path, name: str, id: str, random: str) -> None:
    engine = Offering(Directions())
    feature = await resolve_feature(engine, f"{random}{name}".replace("HOME", str(files)))
    assert feature.id == f"{random}{files}/{id}"
    assert await resolve_feature(engine, feature.id) == feature
    assert await resolve_feature(engine, feature.label.upper()) == feature


@pytest.mark.parametrize("name", ["plain=x.json", "mine#7"])
async def test_the_layer_that_was_asked_for_need_not_stand_in_the_name(files: Path, name: str) -> None:
    (files / "sub" / "mine").symlink_to(files / "mine")
    feature = await resolve_feature(Offering(Directions(layer=2)), f"sub/{name}")
    assert feature.id == f"{files}/sub/{name}@2"


async def test_a_folder_with_a_single_label_is_not_its_feature(files: Path) -> None:
    with pytest.raises(UnknownFeature, match="There is no feature 'layer_3/sae'"):
        await resolve_feature(Offering(Directions()), "layer_3/sae")


async def test_a_label_of_an_offered_file_is_meant_before_a_file_of_that_name(files: Path) -> None:
    engine = Offering(Directions((str(files / "happy.json"),)))
    (files / "happy").write_text("")
    assert (await resolve_feature(engine, "happy")).id == f"{files}/happy.json"
    with pytest.raises(UnknownFeature, match="There is no feature 'sad'") as caught:
        await resolve_feature(engine, "sad")
    assert caught.value.hint.startswith(("Nearest", "No name"))
