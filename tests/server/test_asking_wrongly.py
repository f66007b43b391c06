"""Requests that are wrong, each kind of them: a 4xx with a sentence, and nothing of it reaches the engine."""

import asyncio
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_engine import ScriptedEngine
from server.talking import asked, events_in, gateway, raw, raw_post, read_status, text_of

from steer_tui.server import receiving
from steer_tui.server.bodies import GenerateAsked, read_json
from steer_tui.server.refusing import Denial

JSON = {"Content-Type": "application/json"}

WRONG = {
    "no prompt": {},
    "an empty prompt": {"prompt": ""},
    "a blank prompt": {"prompt": " \n "},
    "a long prompt": {"prompt": "a" * 32_001},
    "a prompt that is a number": {"prompt": 3},
    "a list": [],
    "null": None,
    "a text": "prompt",
    "an unknown field": {"prompt": "a", "model": "x"},
    "an unknown option": asked("a", topK=3),
    "no name of a feature": asked("a", features=[{"value": 1}]),
    "two names of a feature": asked("a", features=[{"id": "x", "label": "x", "value": 1}]),
    "no value": asked("a", features=[{"label": "sea"}]),
    "a value that is a text": asked("a", features=[{"label": "sea", "value": "4"}]),
    "a value that is true": asked("a", features=[{"label": "sea", "value": True}]),
    "a huge value": asked("a", features=[{"label": "sea", "value": 1e9}]),
    "a long name": asked("a", features=[{"label": "x" * 501, "value": 1}]),
    "too many features": asked("a", features=[{"label": "sea", "value": 1}] * 65),
    "a feature twice": asked("a", features=[{"label": "sea", "value": 1}, {"id": "scripted/1/1", "value": 1}]),
    "an unknown feature": asked("a", features=[{"label": "seaa", "value": 1}]),
    "an unknown method": asked("a", method="magic"),
    "a method that the engine lacks": asked("a", method="ablate"),
    "no tokens": asked("a", maxTokens=0),
    "too many tokens": asked("a", maxTokens=2049),
    "half a token": asked("a", maxTokens=1.5),
    "a cold temperature": asked("a", temperature=-1),
    "a hot temperature": asked("a", temperature=11),
    "a negative seed": asked("a", seed=-1),
    "a large seed": asked("a", seed=2**31),
    "an empty stop text": asked("a", stop=[""]),
    "too many stop texts": asked("a", stop=["x"] * 17),
    "a long stop text": asked("a", stop=["x" * 201]),
    "a stop text alone": asked("a", stop="x"),
    "no lane": asked("a", lanes=[]),
    "a lane twice": asked("a", lanes=["steered", "steered"]),
    "an unknown lane": asked("a", lanes=["fast"]),
    "a chat that is a number": asked("a", chat=1),
}

BROKEN = {
    "nothing": b"",
    "no JSON": b"prompt=a",
    "half a text": b'{"prompt": "a',
    "no UTF-8": b'{"prompt": "\xff"}',
    "half a surrogate pair": b'{"prompt": "\\ud800"}',
    "very deep": b"[" * 20_000,
    "not a number": b'{"prompt": "a", "options": {"temperature": nan}}',
}


async def test_a_wrong_field_is_422_and_named():
    engine = ScriptedEngine()
    async with gateway(engine) as there:
        for what, body in WRONG.items():
            answer = await there.client.post("/api/generate", content=json.dumps(body), headers=JSON)
            told = answer.json()
            assert answer.status_code == 422, what
            assert told["code"] in ("rejected", "not_found", "unsupported"), what
            assert told["error"].endswith("."), what
            assert set(told) <= {"error", "code", "hint"}, what
            assert engine.requests == [], what
        assert text_of(await there.generate())


async def test_a_body_that_is_no_json_is_400():
    async with gateway(ScriptedEngine()) as there:
        kind = {"Content-Type": "application/json; charset=utf-8"}
        for what, body in BROKEN.items():
            answer = await there.client.post("/api/generate", content=body, headers=kind)
            assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), what


async def test_a_body_that_does_not_say_it_is_json_is_415():
    async with gateway(ScriptedEngine()) as there:
        for kind in ("", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
            told = {"Content-Type": kind}
            answer = await there.client.post("/api/generate", content=b'{"prompt": "a"}', headers=told)
            assert (answer.status_code, answer.json()["code"]) == (415, "rejected"), kind


async def test_a_large_body_is_413_whether_its_length_is_told_or_not():
    async def pieces():
        for _ in range(70):
            yield b" " * 1024

    async with gateway(ScriptedEngine()) as there:
        told = await there.client.post("/api/generate", content=b" " * 70_000, headers=JSON)
        chunked = await there.client.post("/api/generate", content=pieces(), headers=JSON)
        fits = await there.client.post("/api/generate", content=b'{"prompt": "a"}' + b" " * 60_000, headers=JSON)
    assert (told.status_code, chunked.status_code, fits.status_code) == (413, 413, 200)
    assert told.json()["code"] == chunked.json()["code"] == "rejected"


async def test_a_body_that_trickles_is_408(monkeypatch):
    monkeypatch.setattr(receiving, "BODY_SECONDS", 0.05)
    async with gateway(ScriptedEngine()) as there:
        reader, writer = await raw(there.port, raw_post(b"{", "Content-Length: 100", length=False))
        assert await read_status(reader) == 408
        writer.close()


async def test_a_client_that_goes_within_its_body_harms_nobody(caplog):
    async with gateway(ScriptedEngine()) as there:
        _, writer = await raw(there.port, raw_post(b"{", "Content-Length: 100", length=False))
        await asyncio.sleep(0.05)
        writer.transport.abort()
        await asyncio.sleep(0.05)
        assert text_of(await there.generate())
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_wrong_query_is_422():
    queries = [
        "",
        "prompt=",
        "prompt=a&prompt=b",
        "prompt=a&dial=sea",
        "prompt=a&dial==4",
        "prompt=a&dial=sea=x",
        "prompt=a&dial=sea=nan",
        "prompt=a&dial=sea=inf",
        "prompt=a&dial=sea=99999",
        "prompt=a&maxTokens=x",
        "prompt=a&maxTokens=1&maxTokens=2",
        "prompt=a&lanes=fast",
        "prompt=a&other=1",
        "prompt=a&method=magic",
        "prompt=a&steeringVector=x",
        "prompt=a&options=x",
        "prompt=a&chat=perhaps",
    ]
    engine = ScriptedEngine()
    async with gateway(engine) as there:
        for query in queries:
            answer = await there.get(f"/api/generate?{query}")
            assert (answer.status_code, answer.json()["code"]) == (422, "rejected"), query
    assert engine.requests == []


async def test_a_wrong_look_at_the_features_is_422():
    async with gateway(ScriptedEngine()) as there:
        for query in ("limit=0", "limit=501", "limit=x", "offset=-1", "q=a&q=b", f"q={'a' * 501}", "x=1"):
            assert (await there.get(f"/api/features?{query}")).status_code == 422, query


async def test_what_is_not_there_is_told_in_the_same_shape():
    asks = [
        ("GET", "/", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
        ("GET", "/api/generate/", 404, "not_found"),
        ("PUT", "/api/generate", 405, "method_not_allowed"),
        ("GET", "/api/generate/run", 405, "method_not_allowed"),
        ("GET", "/api/token", 405, "method_not_allowed"),
    ]
    async with gateway(ScriptedEngine()) as there:
        for method, path, status, code in asks:
            answer = await there.client.request(method, path, follow_redirects=False)
            assert (answer.status_code, answer.json()["code"]) == (status, code), path
            assert ("allow" in answer.headers) == (status == 405), path


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OPTIONS = ("maxTokens", "temperature", "seed", "stop", "lanes", "returnActivations", "chat", "resume")
options = st.fixed_dictionaries({}, optional=dict.fromkeys(OPTIONS, json_values))
bodies = st.one_of(
    st.binary(max_size=80),
    json_values.map(json.dumps).map(str.encode),
    st.fixed_dictionaries(
        {"prompt": st.just("a") | json_values},
        optional={"steeringVector": json_values, "options": options},
    )
    .map(json.dumps)
    .map(str.encode),
)


@given(bodies)
def test_whatever_a_body_holds_it_is_read_or_refused_in_a_sentence(body):
    try:
        read = read_json(GenerateAsked, body)
    except Denial as refusal:
        assert refusal.status in (400, 422)
        assert refusal.message.endswith(".")
    else:
        assert read.prompt.strip()
        assert read.options.sampling.max_tokens >= 1


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(bodies)
async def test_whatever_a_body_holds_the_server_answers_in_its_one_shape(body):
    async with gateway(ScriptedEngine()) as there:
        answer = await there.client.post("/api/generate", content=body, headers=JSON)
        assert answer.status_code in (200, 400, 422)
        if answer.status_code == 200:
            assert events_in(answer.content)
        else:
            assert {"error", "code"} <= set(answer.json())
