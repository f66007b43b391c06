"""What can be steered by, with its evidence, as the engine behind the gateway tells it."""

import pytest
from engines.gateway.conftest import Open, Serve
from loopback import Call, Loopback
from scripted_engine import FEATURES, ExplainingEngine, ScriptedEngine

from steer_tui.domain import Context, CurvePoint, Evidence, Feature, FeatureKind, Malformed
from steer_tui.engines import Explains
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.engines.lookup import UnknownFeature, resolve_feature
from steer_tui.engines.services import Searches

EVIDENCE = Evidence(
    (Context((" the", " sea"), (0.0, 3.5)),),
    (CurvePoint(-4.0, 0.0, 2.5), CurvePoint(4.0, 0.75, 3.25, random_share=0.125)),
)


async def test_features_are_those_of_the_engine_behind(serve: Serve, open_at: Open) -> None:
    full = Feature(
        "m/1/2", "a «label»\x1b[2J", 2.5, FeatureKind.MEANS, "a tenth", 40.0, 9.0, 0.01, (" a",), ("\n", " b")
    )
    features = (*FEATURES, full)
    engine = open_at(await serve(ScriptedEngine(features=features)))
    assert tuple(await engine.find_features("")) == features
    assert tuple(await engine.find_features("", 2)) == features[:2]
    assert tuple(await engine.find_features("win")) == FEATURES[:1]
    assert tuple(await engine.find_features("nothing such & that #+")) == ()


async def test_pages_follow_one_another(serve: Serve, open_at: Open) -> None:
    many = tuple(Feature(f"m/1/{number}", f"feature {number}", 1.0) for number in range(130))
    engine = open_at(await serve(ScriptedEngine(features=many)))
    assert isinstance(engine, Searches)
    first = await engine.search("feature")
    assert (len(first.features), first.next_offset) == (100, 100)
    rest = await engine.search("feature", 100)
    assert first.joined(rest).features == many
    assert rest.next_offset is None


async def test_evidence_travels(serve: Serve, open_at: Open) -> None:
    engine = open_at(await serve(ExplainingEngine({"sea": EVIDENCE})))
    assert isinstance(engine, Explains)
    assert await engine.evidence(FEATURES[0]) == Evidence()
    assert await engine.evidence(FEATURES[1]) == EVIDENCE
    assert await engine.evidence(Feature("m/1/9", "another", 1.0)) == Evidence()


async def test_the_embedded_model_s_features_and_their_evidence(serve: Serve, open_at: Open) -> None:
    behind = BuiltinEngine()
    try:
        engine = open_at(await serve(behind))
        offered = await behind.find_features("", 4)
        assert list(await engine.find_features("", 4)) == list(offered)
        own, through = await behind.evidence(offered[0]), await engine.evidence(offered[0])
        assert own.contexts
        assert through.contexts == own.contexts[: len(through.contexts)]
        assert through.contexts
        assert through.curve == own.curve
        assert await resolve_feature(engine, offered[2].label.upper()) == offered[2]
        with pytest.raises(UnknownFeature):
            await resolve_feature(engine, "no such thing at all")
    finally:
        await behind.aclose()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([], "the whole"),
        ({"features": {}}, "features"),
        ({"features": [{"id": "a", "label": "b"}]}, "unit"),
        ({"features": [{"id": "a", "label": "b", "unit": 0}]}, "cannot be"),
        ({"features": [{"id": "", "label": "b", "unit": 1}]}, "cannot be"),
        ({"features": [{"id": "a", "label": "b", "unit": 1, "density": "x"}]}, "density"),
    ],
)
async def test_an_answer_that_is_none(open_at: Open, answer: object, says: str) -> None:
    async def tell(call: Call) -> None:
        await call.answer_json(answer)

    async with Loopback({"GET /api/features": tell}) as server:
        with pytest.raises(Malformed, match=says):
            await open_at(server.url).find_features("x")


async def test_contexts_with_too_few_activations_are_told(open_at: Open) -> None:
    told = {"id": FEATURES[0].id, "label": "x", "unit": 1, "contexts": [{"tokens": ["a", "b"], "activations": [1]}]}

    async def tell(call: Call) -> None:
        await call.answer_json({"features": [told]})

    async with Loopback({"GET /api/features": tell}) as server:
        with pytest.raises(Malformed, match="one a token"):
            await open_at(server.url).evidence(FEATURES[0])
