"""A generation as the gateway tells it: what is asked of the engine, and what comes back."""

import pytest
from scripted_engine import FEATURES, ScriptedEngine, speaking
from server.talking import asked, events_in, gateway, names_of, numbers_of, text_of

from steer_tui.domain import Feature, Lane, Method, Sampling
from steer_tui.engines import open_engine

SAID = " the sea was calm and the night was long"


async def test_a_prompt_alone_streams_the_unsteered_text_and_ends():
    engine = ScriptedEngine()
    async with gateway(engine) as there:
        events = await there.generate({"prompt": "Hello"})
    assert text_of(events) == SAID
    assert names_of(events) == ["token"] * 9 + ["done"]
    assert events[0].data == {"token": " the", "index": 0, "lane": "steered", "logprob": -0.5}
    assert events[-1].data == {"lane": "steered", "finishReason": "complete"}
    [request] = engine.requests
    assert (request.prompt, request.lanes, request.sampling) == ("Hello", (Lane.STEERED,), Sampling())
    assert (request.vector.dials, request.watched, request.chat) == ((), (), False)


async def test_events_are_numbered_from_1_behind_the_runs_name():
    async with gateway(ScriptedEngine()) as there:
        answer = await there.post(asked())
        events = events_in(answer.content)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert {told.id.rpartition(":")[0] for told in events} == {answer.headers["steer-run"]}
    assert numbers_of(events) == list(range(1, 11))
    assert answer.content.startswith(f"id: {answer.headers['steer-run']}:0\n\nid: ".encode())


async def test_everything_that_is_asked_reaches_the_engine():
    engine = ScriptedEngine()
    body = asked(
        features=[
            {"id": "scripted/1/1", "value": 4},
            {"label": "Winter", "value": -2.5},
            {"label": "food", "value": 0},
        ],
        method="orthogonal",
        maxTokens=3,
        temperature=0,
        seed=7,
        stop=["x"],
        lanes=["default", "steered"],
        returnActivations=True,
        chat=True,
    )
    async with gateway(engine) as there:
        events = await there.generate(body)
    [request] = engine.requests
    assert request.sampling == Sampling(0.0, 3, 7, ("x",))
    assert [(dial.feature.label, dial.value) for dial in request.vector.dials] == [("sea", 4.0), ("winter", -2.5)]
    assert request.vector.method is Method.ORTHOGONAL
    assert [feature.label for feature in request.watched] == ["sea", "winter", "food"]
    assert (request.lanes, request.chat) == ((Lane.DEFAULT, Lane.STEERED), True)
    activation = next(told for told in events if told.event == "activation")
    assert [feature["label"] for feature in activation.data["features"]] == ["sea", "winter", "food"]
    assert names_of(events).count("done") == 2
    assert {told.data["finishReason"] for told in events if told.event == "done"} == {"max_tokens"}


async def test_without_features_activations_are_those_of_the_first_ones():
    engine = ScriptedEngine()
    async with gateway(engine) as there:
        await there.generate(asked(returnActivations=True))
        await there.generate(asked(returnActivations=False, features=[{"label": "sea", "value": 1}]))
    assert [request.watched for request in engine.requests] == [FEATURES[:4], ()]


async def test_the_first_16_features_are_watched():
    engine = ScriptedEngine(features=[Feature(f"m/1/{number}", f"f{number}", 1.0) for number in range(20)])
    async with gateway(engine) as there:
        named = [{"label": f"f{number}", "value": 1} for number in range(20)]
        await there.generate(asked(features=named, returnActivations=True))
    assert (len(engine.requests[0].watched), len(engine.requests[0].vector.dials)) == (16, 20)


async def test_a_query_asks_the_same_as_a_body():
    engine = ScriptedEngine()
    query = (
        "prompt=Hello%20there&dial=sea%3D4&dial=winter=-2.5&method=orthogonal&maxTokens=3&temperature=0.5"
        "&seed=7&stop=a&stop=b&lanes=steered&lanes=default&returnActivations=true&chat=false&resume=true"
    )
    async with gateway(engine) as there:
        answer = await there.get(f"/api/generate?{query}")
        events = events_in(answer.content)
        same = await there.generate(
            asked(
                "Hello there",
                features=[{"label": "sea", "value": 4}, {"label": "winter", "value": -2.5}],
                method="orthogonal",
                maxTokens=3,
                temperature=0.5,
                seed=7,
                stop=["a", "b"],
                lanes=["steered", "default"],
                returnActivations=True,
            )
        )
    assert engine.requests[0] == engine.requests[1]
    assert [(told.event, told.data) for told in events] == [(told.event, told.data) for told in same]


async def test_a_label_in_a_query_may_hold_an_equals_sign():
    engine = ScriptedEngine()
    async with gateway(engine) as there:
        answer = await there.get("/api/generate?prompt=a&dial=a=b=4")
    assert (answer.status_code, answer.json()["code"]) == (422, "not_found")
    assert "'a=b'" in answer.json()["error"]


async def test_head_begins_nothing():
    engine = ScriptedEngine()
    async with gateway(engine) as there:
        assert (await there.client.head("/api/generate?prompt=a")).status_code == 405
    assert engine.requests == []


async def test_the_embedded_model_says_the_same_through_the_gateway():
    engine = open_engine("builtin")
    try:
        async with gateway(engine) as there:
            features = (await there.get("/api/features?q=winter")).json()["features"]
            body = asked(
                "Once upon a time",
                features=[{"id": features[0]["id"], "value": 6}],
                maxTokens=12,
                lanes=["steered", "default"],
                returnActivations=True,
            )
            one, other = await there.generate(body), await there.generate(body)
    finally:
        await engine.aclose()
    assert [(told.event, told.data) for told in one if told.data["lane"] == "steered"] == [
        (told.event, told.data) for told in other if told.data["lane"] == "steered"
    ]
    assert text_of(one) != text_of(one, "default")
    assert names_of(one).count("token") == 24
    assert names_of(one).count("activation") == 24


async def test_a_token_that_is_half_a_character_travels():
    async with gateway(ScriptedEngine(speaking(text="a \ud83c \u2028 ü é\x00"))) as there:
        assert text_of(await there.generate()) == " a \ud83c ü é\x00"


@pytest.mark.parametrize("path", ["/api/info", "/health", "/api/features", "/openapi.json"])
async def test_what_is_no_stream_is_json(path):
    async with gateway(ScriptedEngine()) as there:
        answer = await there.get(path)
    assert answer.status_code == 200
    assert isinstance(answer.json(), dict)


async def test_info_tells_what_the_engine_can_and_how_busy_it_is():
    async with gateway(ScriptedEngine(), rate_limit="10/minute", generations=2, queue=3) as there:
        info = await there.info()
    assert (info["name"], info["model"], info["methods"]) == ("scripted", "stories-0M", ["additive", "orthogonal"])
    assert (info["liveDials"], info["quota"], info["rateLimit"]) == (False, None, "10;w=60")
    assert info["generations"] == {"running": 0, "waiting": 0, "atOnce": 2, "queue": 3}


async def test_features_are_told_page_by_page():
    async with gateway(ScriptedEngine()) as there:
        first = (await there.get("/api/features?limit=4")).json()
        second = (await there.get(f"/api/features?limit=4&offset={first['nextOffset']}")).json()
        found = (await there.get("/api/features?q=SEA")).json()
    assert [feature["label"] for feature in first["features"] + second["features"]] == [f.label for f in FEATURES]
    assert second["nextOffset"] is None
    assert [feature["id"] for feature in found["features"]] == ["scripted/1/1"]
