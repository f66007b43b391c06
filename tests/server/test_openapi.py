"""The OpenAPI document says what the server does, and the server does what it says."""

import re
from typing import Any

import pytest
from pydantic import TypeAdapter
from scripted_engine import ScriptedEngine
from server.talking import TOKEN, asked, bearer, events_in, gateway

from steer_tui.server import ServeSettings
from steer_tui.server.answers import EVENTS, FeaturesTold, HealthTold, InfoTold, PassTold, RefusalTold
from steer_tui.server.app import application as make
from steer_tui.server.bodies import read_generation, read_query
from steer_tui.server.openapi import document


def routes() -> set[tuple[str, str]]:
    app: Any = make(ScriptedEngine(), ServeSettings()).app
    while not hasattr(app, "routes"):
        app = app._app
    return {(route.path, method.lower()) for route in app.routes for method in route.methods - {"HEAD"}}


def test_it_has_every_address_and_no_other():
    told = {(path, method) for path, operations in document()["paths"].items() for method in operations}
    assert told == routes()


def test_every_reference_leads_somewhere():
    schemas = document()["components"]["schemas"]
    refs = set(re.findall(r"'#/components/schemas/(\w+)'", str(document())))
    assert refs <= set(schemas)
    assert {"GenerateAsked", "RefusalTold", "TokenTold", "Method"} <= set(schemas)


def test_the_parameters_of_a_query_are_those_that_are_read():
    from starlette.datastructures import QueryParams

    told = {each["name"]: each for each in document()["paths"]["/api/generate"]["get"]["parameters"]}
    example = {
        "prompt": "a", "dial": "sea=1", "method": "additive", "maxTokens": "1", "temperature": "1", "seed": "1",
        "stop": "x", "lanes": "default", "returnActivations": "1", "chat": "0", "resume": "0", "token": "x",
    }  # fmt: skip
    assert set(told) == {*example, "Last-Event-ID"}
    assert read_generation(QueryParams(example)).options.max_tokens == 1
    names = {each["name"] for each in document()["paths"]["/api/features"]["get"]["parameters"]}
    assert names == {"q", "offset", "limit"}
    from steer_tui.server.bodies import FeaturesAsked

    assert read_query(FeaturesAsked, QueryParams({"q": "a", "offset": "1", "limit": "2"})).limit == 2


def test_bounds_and_defaults_are_told():
    schemas = document()["components"]["schemas"]
    tokens = schemas["OptionsAsked"]["properties"]["maxTokens"]
    assert (tokens["default"], tokens["minimum"], tokens["maximum"]) == (128, 1, 2048)
    assert schemas["GenerateAsked"]["required"] == ["prompt"]
    assert schemas["OptionsAsked"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        ("GET", "/api/info", None, InfoTold),
        ("GET", "/api/features", None, FeaturesTold),
        ("GET", "/health", None, HealthTold),
        ("POST", "/api/token", None, PassTold),
        ("GET", "/nothing", None, RefusalTold),
        ("POST", "/api/generate", {"prompt": ""}, RefusalTold),
    ],
)
async def test_what_is_answered_fits_its_schema(method, path, body, kind):
    async with gateway(ScriptedEngine(), tokens=(TOKEN,)) as there:
        answer = await there.client.request(method, path, json=body, headers=bearer(TOKEN))
    told = TypeAdapter(kind).validate_json(answer.content)
    assert set(answer.json()) <= set(told.to_wire())
    operations = document()["paths"].get(path)
    assert operations is None or str(answer.status_code) in operations[method.lower()]["responses"]


async def test_every_event_fits_its_schema():
    async with gateway(ScriptedEngine()) as there:
        body = asked(features=[{"label": "sea", "value": 1}], returnActivations=True)
        answer = await there.post(body)
    for told in events_in(answer.content):
        EVENTS[told.event].model_validate(told.data)
    headers = document()["paths"]["/api/generate"]["post"]["responses"]["200"]["headers"]
    assert all(name in answer.headers for name in headers)


async def test_it_is_served():
    async with gateway(ScriptedEngine()) as there:
        assert (await there.get("/openapi.json")).json() == document()
