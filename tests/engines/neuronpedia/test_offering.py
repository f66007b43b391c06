"""Models, presets, activations of a given text, and the diagnosis."""

from pathlib import Path
from typing import Any

import pytest
from engines.neuronpedia.serving import (
    CITY,
    DOGS,
    LINK,
    MODEL,
    SOURCE,
    Serve,
    age,
    answering,
    asking,
    gather,
    refusing,
    steer_calls,
    streaming,
)
from loopback import Call, Loopback
from pydantic import SecretStr

from steer_tui.domain import Feature, Malformed, Method, NotFound, RateLimited, Rejected, Unsupported
from steer_tui.engines import Quota
from steer_tui.engines.neuronpedia import HostedNeuronpedia


def model(id: str = MODEL, *, runs: bool = True, computes: bool = True, instruct: bool = False) -> dict[str, Any]:
    sources = [{"id": SOURCE, "inferenceEnabled": computes}, {"id": "5-shown-only", "inferenceEnabled": False}]
    return {
        "id": id,
        "displayName": id.upper(),
        "inferenceEnabled": runs,
        "instruct": instruct,
        "layers": 26,
        "sourceSets": [{"name": "x", "sources": sources}],
    }


async def test_the_models_that_can_be_steered_come_first(serve: Serve) -> None:
    rows = [model("a-shown", runs=False), {"no": "id"}, model("gemma-2-2b"), model("chatty", instruct=True)]
    server, engine = await serve({"POST /api/model/list": answering(rows)})
    offers = await engine.models()
    assert [(offer.id, offer.can_steer, offer.is_instruct) for offer in offers] == [
        ("chatty", True, True),
        ("gemma-2-2b", True, False),
        ("a-shown", False, False),
    ]
    assert offers[1].layers == 26
    assert [(source.id, source.can_steer) for source in offers[1].sources] == [(SOURCE, True), ("5-shown-only", False)]
    assert await engine.models() == offers
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("told", "chat", "words"),
    [
        (model(runs=False), False, "shows the model gemma-2-2b and does not run it"),
        (model(computes=False), False, f"shows the source {SOURCE} and does not compute"),
        (model(), True, "was not trained to chat"),
    ],
)
async def test_what_has_no_inference_is_said_before_a_steering_request_is_spent(
    serve: Serve, told: dict[str, Any], chat: bool, words: str
) -> None:
    server, engine = await serve({"POST /api/model/get": answering(told), "POST /api/steer": streaming()})
    with pytest.raises(Unsupported, match=words):
        await gather(engine, asking(chat=chat))
    assert steer_calls(server) == []


async def test_a_model_that_is_not_in_the_kept_list_is_not_asked_for(serve: Serve) -> None:
    server, engine = await serve({"POST /api/model/list": answering([model("gemma-2-2b-it")])})
    await engine.models()
    with pytest.raises(NotFound, match="no model 'gemma-2-2b'") as raised:
        await gather(engine, asking())
    assert "gemma-2-2b-it" in raised.value.hint
    assert len(server.calls) == 1


async def test_the_model_is_looked_at_once(serve: Serve) -> None:
    server, engine = await serve({"POST /api/model/get": answering(model()), "POST /api/steer": streaming()})
    await gather(engine, asking())
    await gather(engine, asking())
    assert [call.path for call in server.calls] == ["/api/model/get", "/api/steer", "/api/steer"]


async def test_presets_become_dials_of_the_same_strength_and_cost_one_request(serve: Serve) -> None:
    told = {
        "model": MODEL,
        "promptPresets": [{"name": "Bridge", "prompt": "The most iconic"}],
        "featurePresets": [
            {
                "name": "Golden Gate",
                "features": [
                    {"modelId": MODEL, "layer": SOURCE, "index": 3124, "explanation": "the city", "strength": 32},
                    {"modelId": MODEL, "layer": SOURCE, "index": 12082, "strength": -5},
                ],
            },
            {
                "name": "No dogs",
                "steerMethod": "ORTHOGONAL_DECOMP",
                "features": [{"modelId": MODEL, "layer": SOURCE, "index": 12082, "strength": 0}],
            },
        ],
    }
    rows = [{"modelId": MODEL, "layer": SOURCE, "index": "3124", "maxActApprox": 40}]
    routes = {
        "POST /api/steer/presets": answering(told, {"x-limit-remaining": "200"}),
        "POST /api/features": answering(rows),
    }
    server, engine = await serve(routes)
    city, dogs, prompt = await engine.presets()
    assert [(feature.label, value * feature.unit) for feature, value in city.dials] == [
        ("the city", 32.0),
        (f"{SOURCE}/12082", -5.0),
    ]
    assert (dogs.method, dogs.dials[0][1]) == (Method.ORTHOGONAL, 10.0)
    assert (prompt.name, prompt.prompt, prompt.dials) == ("Bridge", "The most iconic", ())
    await engine.presets()
    assert engine.info.quota == Quota(200, 240)
    assert len(steer_calls(server)) == 1


async def test_presets_of_a_model_that_the_service_does_not_have_are_said(serve: Serve) -> None:
    _, engine = await serve({"POST /api/steer/presets": refusing(404, {"message": "Model Not Found"})})
    with pytest.raises(NotFound, match="Model Not Found"):
        await engine.presets()


def _firing(**values: list[float]) -> Any:
    async def activate(call: Call) -> None:
        asked = call.json["feature"]
        assert isinstance(asked["index"], str)
        tokens = ["A", " caf", "\ufffd", "\ufffd", " dog"]
        await call.answer_json({"tokens": tokens, "values": values[f"i{asked['index']}"], "maxValue": 1})

    return activate


async def test_a_text_is_read_feature_by_feature_and_its_tokens_are_the_text(serve: Serve) -> None:
    activate = _firing(i3124=[0, 1, 0, 0, 2], i12082=[0, 0, 0, 0, 9.5])
    server, engine = await serve({"POST /api/activation/new": activate})
    reading = await engine.reread("A caf\N{LATIN SMALL LETTER E WITH ACUTE} dog", (CITY, DOGS))
    assert reading.tokens == ("A", " caf", "", "\N{LATIN SMALL LETTER E WITH ACUTE}", " dog")
    assert reading.activations[-1] == (2.0, 9.5)
    assert reading.logprobs == (None,) * 5
    assert len(server.calls) == 2
    assert "1,000 requests" in engine.reread_cost


async def test_the_token_before_every_text_is_left_out(serve: Serve) -> None:
    _, engine = await serve({"POST /api/activation/new": answering({"tokens": ["<bos>", "A"], "values": [5, 1]})})
    assert (await engine.reread("A", (CITY,))).tokens == ("A",)


async def test_activations_that_cannot_be_had_are_said(serve: Serve) -> None:
    failing = refusing(500, {"error": "Failed to get activation.", "message": "Failed to get activation."})
    _, engine = await serve({"POST /api/activation/new": failing})
    with pytest.raises(Rejected, match="could not compute the activations") as raised:
        await engine.reread("A", (CITY,))
    assert "200 tokens" in raised.value.hint
    with pytest.raises(Unsupported):
        await engine.reread("A", ())
    with pytest.raises(Unsupported, match="does not know the feature 'own'"):
        await engine.reread("A", (Feature("own", "own", 1.0),))
    _, engine = await serve({"POST /api/activation/new": answering({"tokens": ["A"], "values": [1, 2]})})
    with pytest.raises(Malformed):
        await engine.reread("A", (CITY,))


async def test_a_diagnosis_of_a_service_that_is_well_costs_no_steering_request(serve: Serve) -> None:
    server, engine = await serve({"POST /api/model/get": answering(model()), "POST /api/steer": streaming()})
    diagnosis = await engine.diagnose()
    assert diagnosis.address == server.url
    assert diagnosis.is_reachable
    assert (diagnosis.model, diagnosis.has_key, diagnosis.quota, diagnosis.problem) == (MODEL, False, None, None)
    assert steer_calls(server) == []
    await gather(engine, asking())
    assert (await engine.diagnose()).quota == 231
    assert engine.latest_link == LINK


async def test_what_is_left_is_known_to_the_next_process_for_as_long_as_it_holds(serve: Serve, tmp_path: Path) -> None:
    limited = refusing(429, {"limitPerWindow": 240, "requestWindow": "60 m", "remainingRequests": 0})
    server, engine = await serve({"POST /api/model/get": answering(model()), "POST /api/steer": streaming()})
    await gather(engine, asking())
    following = HostedNeuronpedia(MODEL, url=server.url, answers=tmp_path / "answers")
    assert (await following.diagnose()).quota == 232
    server.routes["POST /api/steer"] = limited
    with pytest.raises(RateLimited):
        await gather(engine, asking())
    assert (await following.diagnose()).quota == 0
    with_key = HostedNeuronpedia(MODEL, url=server.url, answers=tmp_path / "answers", key=SecretStr("sk-other"))
    assert (await with_key.diagnose()).quota is None, "a key may have a limit of its own"
    await age(tmp_path / "answers", days=1 / 24)
    assert (await following.diagnose()).quota is None
    await following.aclose()
    await with_key.aclose()


@pytest.mark.parametrize(
    ("routes", "reachable", "problem"),
    [
        ({"POST /api/model/get": refusing(404, {"message": "Model Not Found"})}, True, "no model 'gemma-2-2b'"),
        ({"POST /api/model/get": answering(None)}, True, "no model 'gemma-2-2b'"),
        ({"POST /api/model/get": answering(model(runs=False))}, True, "does not run it"),
        ({"POST /api/model/get": refusing(503, {"message": "resting"})}, True, "resting"),
        ({"POST /api/model/get": refusing(502, {"message": "no gateway"})}, False, "no gateway"),
        (
            {"POST /api/model/get": answering(model()), "POST /api/list/list": refusing(401, {"error": "requires"})},
            True,
            "does not know this API key",
        ),
    ],
)
async def test_a_diagnosis_says_what_is_wrong(
    serve: Serve, routes: dict[str, Any], reachable: bool, problem: str
) -> None:
    _, engine = await serve(routes, key=SecretStr("sk-secret"))
    diagnosis = await engine.diagnose()
    assert diagnosis.is_reachable is reachable
    assert problem in (diagnosis.problem or "")
    assert diagnosis.has_key
    assert "sk-secret" not in repr(diagnosis)


async def test_a_diagnosis_of_nobody_there_is_no_error(tmp_path: Path) -> None:
    async with Loopback({}) as server:
        url = server.url
    engine = HostedNeuronpedia(MODEL, url=url, answers=tmp_path)
    diagnosis = await engine.diagnose()
    assert not diagnosis.is_reachable
    assert "refused" in (diagnosis.problem or "")
    await engine.aclose()
