"""Dials that are turned while a generation runs."""

import asyncio

import pytest
from live_engine import LiveEngine
from scripted_engine import ScriptedEngine
from server.talking import OTHER_TOKEN, TOKEN, asked, bearer, gateway, text_of

from steer_tui.domain import Rejected
from steer_tui.engines import open_engine


def dials(**values):
    features = [{"label": label, "value": value} for label, value in values.items()]
    return {"steeringVector": {"features": features}}


async def test_a_turn_acts_from_the_token_that_it_names():
    engine = LiveEngine(length=6)
    body = asked(features=[{"label": "winter", "value": 4}], returnActivations=True)
    async with gateway(engine) as there, there.stream(body) as stream:
        engine.gate.let(2)
        first = await stream.next(4)
        turned = await there.client.post(f"/api/generate/{stream.run}/dials", json=dials(winter=0, sea=-3))
        engine.gate.open()
        rest = await stream.rest()
        late = await there.client.post(f"/api/generate/{stream.run}/dials", json=dials(sea=1))
    assert (turned.status_code, turned.json()) == (200, {"index": 2})
    assert text_of(first + rest) == " winter+4" * 2 + " sea-3" * 4
    activations = [told for told in rest if told.event == "activation"]
    assert [feature["label"] for feature in activations[-1].data["features"]] == ["winter", "sea"]
    assert late.json() == {"index": None}


async def test_the_embedded_models_dials_turn_too():
    engine = open_engine("builtin")
    try:
        async with gateway(engine) as there, there.stream(asked("Once upon a time", maxTokens=200)) as stream:
            await stream.next(5)
            turned = await there.client.post(f"/api/generate/{stream.run}/dials", json=dials(winter=6))
            rest = await stream.rest()
    finally:
        await engine.aclose()
    assert turned.status_code == 200
    assert rest[-1].event == "done"


async def test_an_engine_that_cannot_says_so():
    gate = asyncio.Event()
    async with gateway(ScriptedEngine(lambda _: [gate])) as there, there.stream() as stream:
        answer = await there.client.post(f"/api/generate/{stream.run}/dials", json=dials(sea=1))
    assert (answer.status_code, answer.json()["code"]) == (422, "unsupported")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"steeringVector": {"features": [{"label": "nothing", "value": 1}]}}, 422),
        ({"steeringVector": {"method": "ablate"}}, 422),
        ({"steeringVector": {}, "options": {}}, 422),
        (dials(sea=1), 422),
    ],
)
async def test_a_turn_that_cannot_be_leaves_the_stream_as_it_was(body, status):
    engine = LiveEngine(length=3)
    engine.faults.append(Rejected("Not this one."))
    async with gateway(engine) as there, there.stream() as stream:
        engine.gate.let()
        first = await stream.next()
        answer = await there.client.post(f"/api/generate/{stream.run}/dials", json=body)
        engine.gate.open()
        text = text_of(first + await stream.rest())
    assert answer.status_code == status
    assert text == " plain" * 3


async def test_another_clients_run_is_404():
    engine = LiveEngine(length=3)
    async with gateway(engine, tokens=(TOKEN, OTHER_TOKEN)) as there, there.stream(None, **bearer(TOKEN)) as stream:
        path = f"/api/generate/{stream.run}/dials"
        answer = await there.client.post(path, json=dials(sea=1), headers=bearer(OTHER_TOKEN))
    assert answer.status_code == 404
    assert engine.turned == []
