"""Features by meaning, by id and by pasted address; answers are kept, and what is kept answers without a network."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from engines.neuronpedia.serving import CITY, MODEL, SOURCE, Serve, age, answering, refusing
from loopback import Call, Loopback
from pydantic import SecretStr

from steer_tui.domain import FeatureKind, Malformed, NotFound, RateLimited, Rejected, Unreachable
from steer_tui.engines.kept import KEPT_MAX, KeptAnswers
from steer_tui.engines.lookup import resolve_feature
from steer_tui.engines.neuronpedia import HostedNeuronpedia

SEARCH = "POST /api/explanation/search-model"


def row(index: int, description: str = "San Francisco", **told: Any) -> dict[str, Any]:
    return {
        "modelId": MODEL,
        "layer": SOURCE,
        "index": str(index),
        "maxActApprox": 40.0,
        "frac_nonzero": 0.0021,
        "pos_str": [" Francisco", " Bay"],
        "neg_str": [" sheep"],
        "explanations": [{"description": description, "typeName": "np_max-act"}],
        "vector": [0.1, 0.2],
        **told,
    }


def found(index: int, description: str, **told: Any) -> dict[str, Any]:
    return {
        "modelId": MODEL,
        "layer": SOURCE,
        "index": str(index),
        "description": description,
        "cosine_similarity": 0.9,
        "neuron": row(index, description),
        **told,
    }


def page(*results: dict[str, Any], following: int | None = None) -> dict[str, Any]:
    more = {"hasMore": following is not None, **({"nextOffset": following} if following else {})}
    return {"request": {}, "results": list(results), "resultsCount": len(results), **more}


async def test_a_search_gives_features_with_all_that_is_known_of_them(serve: Serve) -> None:
    server, engine = await serve({SEARCH: answering(page(found(3124, " San\nFrancisco "), following=20))})
    given = await engine.search(" bridges ")
    (feature,) = given.features
    assert (feature.id, feature.label) == (CITY.id, "San Francisco")
    assert feature.unit == 8.0
    assert feature.unit_origin == "1/5 of its highest known activation"
    assert (feature.max_activation, feature.density) == (40.0, 0.0021)
    assert (feature.promoted, feature.suppressed) == ((" Francisco", " Bay"), (" sheep",))
    assert given.next_offset == 20
    assert given.age_seconds is None
    assert server.calls[0].json == {"modelId": MODEL, "query": "bridges", "offset": 0}


async def test_the_second_page_begins_where_the_first_ended(serve: Serve) -> None:
    async def search(call: Call) -> None:
        second = call.json["offset"] == 20
        await call.answer_json(page(found(2, "b")) if second else page(found(1, "a"), following=20))

    _, engine = await serve({SEARCH: search})
    first = await engine.search("bridges")
    assert first.next_offset is not None
    second = await engine.search("bridges", first.next_offset)
    assert [feature.label for feature in (*first.features, *second.features)] == ["a", "b"]
    assert second.next_offset is None


async def test_two_features_with_one_explanation_are_told_apart_and_one_feature_comes_once(serve: Serve) -> None:
    elsewhere = found(1, "DOGS", layer="5-gemmascope-res-16k")
    _, engine = await serve({SEARCH: answering(page(found(1, "dogs"), found(2, "dogs"), found(2, "dogs"), elsewhere))})
    labels = [feature.label for feature in await engine.find_features("dogs")]
    assert len(labels) == len({label.casefold() for label in labels}) == 3
    assert labels[1] == "dogs (2)"


async def test_a_feature_that_is_found_twice_bears_its_better_explanation(serve: Serve) -> None:
    better, worse = found(1, "San Francisco"), found(1, "words for places")
    _, engine = await serve({SEARCH: answering(page(better, found(2, "bridges"), worse))})
    assert [feature.label for feature in await engine.find_features("city")] == ["San Francisco", "bridges"]


@pytest.mark.parametrize(
    ("told", "unit", "origin"),
    [
        ({"maxActApprox": 0, "vectorDefaultSteerStrength": -20}, 4.0, "its maker names"),
        ({"maxActApprox": None}, 10.0, "not known"),
        ({"maxActApprox": "many", "pos_str": 5, "frac_nonzero": 7, "explanations": None}, 10.0, "not known"),
    ],
)
async def test_the_unit_says_where_it_comes_from(serve: Serve, told: dict[str, Any], unit: float, origin: str) -> None:
    _, engine = await serve({f"GET /api/feature/{CITY.id}": answering(row(3124, **told))})
    (feature,) = await engine.find_features(CITY.id)
    assert feature.unit == unit
    assert origin in feature.unit_origin


async def test_a_row_that_the_search_left_out_is_asked_for_with_the_others(serve: Serve) -> None:
    bare = found(7, "seven")
    del bare["neuron"]
    server, engine = await serve(
        {SEARCH: answering(page(bare)), "POST /api/features": answering([row(7, "other words", maxActApprox=5)])}
    )
    (feature,) = await engine.find_features("seven")
    assert (feature.label, feature.unit) == ("seven", 1.0)
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    "query",
    [
        CITY.id,
        f"{SOURCE}/3124",
        f" https://www.neuronpedia.org/{CITY.id}?embed=true&x=1#top ",
        f"http://neuronpedia.org/{CITY.id}/",
        f"www.neuronpedia.org/{CITY.id}",
        f"https://www.neuronpedia.org/api/feature/{CITY.id}",
    ],
)
async def test_a_feature_is_found_by_its_name_and_by_its_pasted_address(serve: Serve, query: str) -> None:
    server, engine = await serve({f"GET /api/feature/{CITY.id}": answering(row(3124))})
    (feature,) = (await engine.search(query)).features
    assert (feature.id, feature.label) == (CITY.id, "San Francisco")
    assert [call.path for call in server.calls] == [f"/api/feature/{CITY.id}"]


@pytest.mark.parametrize(
    ("query", "kind", "words"),
    [
        ("so", Rejected, "at least 3 characters"),
        ("https://example.org/gemma-2-2b/20-x/1", Rejected, "not that of a feature's page"),
        ("https://www.neuronpedia.org/gemma-2-2b", Rejected, "not that of a feature's page"),
        ("https://[::1/a/b/1", Rejected, "not that of a feature's page"),
        ("gpt2-small/6-res-jb/650", NotFound, "another model than gemma-2-2b"),
    ],
)
async def test_what_cannot_be_searched_for_is_said_and_nothing_is_asked(
    serve: Serve, query: str, kind: type[Exception], words: str
) -> None:
    server, engine = await serve({})
    with pytest.raises(kind, match=words):
        await engine.search(query)
    assert server.calls == []


async def test_what_the_service_does_not_have_or_cannot_search_is_said(serve: Serve) -> None:
    missing = refusing(404, {"error": "Not found", "message": "Feature not found"})
    failing = refusing(500, {"message": "Unknown Error"})
    _, engine = await serve({f"GET /api/feature/{CITY.id}": missing, SEARCH: failing})
    with pytest.raises(NotFound, match="Feature not found") as unknown:
        await engine.search(CITY.id)
    assert unknown.value.hint == "Check the source and the index."
    with pytest.raises(Rejected, match="failed to search") as raised:
        await engine.search("anything")
    assert "model" in raised.value.hint
    _, engine = await serve({SEARCH: answering({"results": "none"})})
    with pytest.raises(Malformed, match="at results"):
        await engine.search("anything")


async def test_a_search_at_its_limit_names_it(serve: Serve) -> None:
    body = {"endpoint": "/api/explanation/search", "limitPerWindow": 200, "requestWindow": "60 m", "error": "x"}
    _, engine = await serve({SEARCH: refusing(429, body)})
    with pytest.raises(RateLimited, match="200 requests to /api/explanation/search in 1 hour"):
        await engine.search("anything")
    assert engine.info.quota is not None
    assert engine.info.quota.remaining == 240, "steering has a limit of its own"


async def test_searching_again_asks_nobody_and_tells_the_age(serve: Serve) -> None:
    server, engine = await serve({SEARCH: answering(page(found(3124, "San Francisco")))})
    first = await engine.search("Bridges")
    again = await engine.search("bridges")
    assert len(server.calls) == 1
    assert again.features == first.features
    assert again.age_seconds is not None
    assert again.age_seconds >= 0


async def test_an_old_answer_is_asked_for_anew_and_stands_in_where_nobody_answers(tmp_path: Path) -> None:
    async with Loopback({SEARCH: answering(page(found(3124, "San Francisco")))}) as server:
        engine = HostedNeuronpedia(MODEL, url=server.url, answers=tmp_path)
        await engine.search("bridges")
        await age(tmp_path, days=30)
        assert (await engine.search("bridges")).age_seconds is None
        assert len(server.calls) == 2
        await age(tmp_path, days=30)
    offline = await engine.search("bridges")
    assert offline.features[0].label == "San Francisco"
    assert offline.age_seconds == pytest.approx(30 * 86400, rel=0.01)
    with pytest.raises(Unreachable):
        await engine.search("other words")
    await engine.aclose()


async def test_a_broken_kept_answer_is_as_none_and_their_number_is_bounded(tmp_path: Path) -> None:
    kept = KeptAnswers(tmp_path, 1)
    await kept.keep("a", {"x": 1})
    (file,) = await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
    file.write_text('{"at": 5')
    assert await kept.find("a") is None
    for number in range(KEPT_MAX + 1):
        path = tmp_path / f"{number}.json"
        path.write_text("{}")
        os.utime(path, (number, number))
    await kept.keep("b", 1)
    assert len(await asyncio.to_thread(lambda: list(tmp_path.iterdir()))) == KEPT_MAX
    assert (await kept.find("b")) is not None


async def test_what_one_key_was_answered_is_not_told_to_another(serve: Serve, tmp_path: Path) -> None:
    server, mine = await serve({SEARCH: answering(page(found(1, "mine")))}, key=SecretStr("sk-mine"))
    await mine.search("bridges")
    for key, calls in (SecretStr("sk-yours"), 2), (None, 3), (SecretStr("sk-mine"), 3):
        other = HostedNeuronpedia(MODEL, url=server.url, key=key, answers=tmp_path / "answers")
        await other.search("bridges")
        await other.aclose()
        assert len(server.calls) == calls


async def test_an_answer_that_a_version_of_another_shape_has_kept_is_as_none(tmp_path: Path) -> None:
    await KeptAnswers(tmp_path, 1).keep("dogs", 7)
    assert await KeptAnswers(tmp_path, 2).find("dogs") is None
    kept = await KeptAnswers(tmp_path, 1).find("dogs")
    assert kept is not None
    assert kept.value == 7


async def test_a_folder_that_cannot_be_written_keeps_nothing_and_hurts_nobody(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    server, engine = await serve({SEARCH: answering(page(found(3124, "a")))}, answers=file / "answers")
    await engine.search("bridges")
    await engine.search("bridges")
    assert len(server.calls) == 2


async def test_the_features_to_begin_with_cost_no_steering_request(serve: Serve) -> None:
    rows = [row(index, name) for index, name in ((8993, "banks"), (12082, "dogs"), (12887, "city"), (1370, "bridge"))]
    server, engine = await serve({"POST /api/features": answering(rows)})
    assert [feature.label for feature in await engine.find_features("", 3)] == ["dogs", "city", "banks"]
    await engine.find_features("")
    assert [call.path for call in server.calls] == ["/api/features"]
    _, other = await serve({}, model="other-model")
    assert list(await other.find_features("")) == []


async def test_a_feature_can_be_named_by_label_or_id_on_the_command_line(serve: Serve) -> None:
    routes = {
        SEARCH: answering(page(found(3124, "San Francisco"))),
        f"GET /api/feature/{CITY.id}": answering(row(3124)),
    }
    _, engine = await serve(routes)
    assert (await resolve_feature(engine, "san francisco")).id == CITY.id
    assert (await resolve_feature(engine, CITY.id)).id == CITY.id
    assert (await resolve_feature(engine, f"{SOURCE}/3124")).id == CITY.id


async def test_the_evidence_is_where_a_feature_fires_most(serve: Serve) -> None:
    activations = [
        {"tokens": ["a", " dog"], "values": [0, 3.5]},
        {"tokens": ["one"], "values": [1, 2]},
        {"tokens": ["San", " Francisco"], "values": [1, 40]},
    ]
    _, engine = await serve({f"GET /api/feature/{CITY.id}": answering(row(3124, activations=activations))})
    evidence = await engine.evidence(CITY)
    assert [context.tokens for context in evidence.contexts] == [("San", " Francisco"), ("a", " dog")]


async def test_a_vector_that_somebody_has_uploaded_says_so(serve: Serve) -> None:
    told = row(3124, hasVector=True, vectorLabel="kindness", explanations=[], maxActApprox=None)
    _, engine = await serve({f"GET /api/feature/{CITY.id}": answering(told)})
    (feature,) = await engine.find_features(CITY.id)
    assert (feature.label, feature.kind) == ("kindness", FeatureKind.VECTOR)
