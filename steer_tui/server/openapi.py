"""The OpenAPI document, made of the same models as the answers."""

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from steer_tui import __version__
from steer_tui.server.answers import (
    EVENTS,
    FeaturesTold,
    HealthTold,
    InfoTold,
    PassTold,
    RefusalTold,
    TurnTold,
)
from steer_tui.server.bodies import (
    FEATURES_MAX,
    STOPS_MAX,
    Asked,
    DialsAsked,
    FeaturesAsked,
    GenerateAsked,
    OptionsAsked,
    VectorAsked,
)

_REF = "#/components/schemas/{model}"
_ASKED: tuple[type[BaseModel], ...] = (GenerateAsked, DialsAsked, FeaturesAsked, OptionsAsked, VectorAsked)
_TOLD: tuple[type[BaseModel], ...] = (
    FeaturesTold,
    HealthTold,
    InfoTold,
    PassTold,
    RefusalTold,
    TurnTold,
    *EVENTS.values(),
)

_STREAM_HEADERS = {
    "Steer-Run": {"description": "The run's name, which its events' ids begin with.", "schema": {"type": "string"}},
    "Queue-Length": {
        "description": "How many generations wait for their turn, this one included; 0 where it has begun.",
        "schema": {"type": "integer"},
    },
}

_LIMIT_HEADERS = {
    name: {"schema": {"type": kind}, "description": said}
    for name, kind, said in (
        ("RateLimit-Limit", "integer", "New generations in a window."),
        ("RateLimit-Remaining", "integer", "How many are left."),
        ("RateLimit-Reset", "integer", "Seconds until one more is free."),
        ("RateLimit-Policy", "string", "The limit and its window, such as 10;w=60."),
    )
}

_WORDS = {
    400: "The body is no JSON.",
    401: "A token is wanted.",
    403: "Not from this page, or under this name.",
    404: "There is no such run.",
    408: "The body came too slowly.",
    410: "The run is gone: begin a new one.",
    413: "The body is too large.",
    415: "The body is not said to be JSON.",
    422: "A field is wrong, a feature is not known, or the engine cannot do it.",
    429: "Too many generations; Retry-After says when the next may begin.",
    500: "The server broke.",
    502: "The engine failed.",
    503: "There is no room; Retry-After says when to look again.",
    504: "The engine did not answer in time.",
}


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    resume = _parameter("Last-Event-ID", "header", {"type": "string"}, "Go on behind this event, `RUN:number`.")
    run = _parameter("run", "path", {"type": "string"}, "The run's name.", is_required=True)
    streams = {"200": _stream(), "204": {"description": "Nothing more comes behind this event."}}
    begun = (401, 403, 410, 422, 429, 500, 503)
    sent = (400, 408, 413, 415)
    return {
        "openapi": "3.1.0",
        "info": {"title": "steer-tui gateway", "version": __version__},
        "security": [{"token": []}, {}],
        "paths": {
            "/api/generate": {
                "post": _operation("Generate, or go on.", streams, (*begun, *sent), [resume], GenerateAsked),
                "get": _operation("The same for an EventSource.", streams, begun, [resume, *_generation_query()]),
            },
            "/api/generate/{run}": {
                "delete": _operation(
                    "Goodbye: cancel at once.", {"204": {"description": "Cancelled."}}, (401, 403, 404, 500), [run]
                ),
            },
            "/api/generate/{run}/dials": {
                "post": _operation(
                    "Turn the dials of a run.",
                    {"200": _json(TurnTold)},
                    (401, 403, 404, 422, 500, 502, 503, 504, *sent),
                    [run],
                    DialsAsked,
                ),
            },
            "/api/features": {
                "get": _operation(
                    "What can be steered by.",
                    {"200": _json(FeaturesTold)},
                    (401, 403, 422, 500, 502, 503, 504),
                    _query(FeaturesAsked),
                ),
            },
            "/api/info": {"get": _operation("What the engine is.", {"200": _json(InfoTold)}, (401, 403, 500))},
            "/api/token": {
                "post": _operation("A short-lived token for a query.", {"200": _json(PassTold)}, (401, 403, 500))
            },
            "/health": {"get": _operation("Whether the server answers.", {"200": _json(HealthTold)}, (403, 500))},
            "/openapi.json": {
                "get": _operation(
                    "This document.",
                    {"200": {"description": "It.", "content": {"application/json": {"schema": {"type": "object"}}}}},
                    (401, 403, 500),
                )
            },
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas() -> dict[str, Any]:
    asked = [(model, "validation") for model in _ASKED]
    told = [(model, "serialization") for model in _TOLD]
    _, made = models_json_schema([*asked, *told], by_alias=True, ref_template=_REF)  # type: ignore[list-item]
    definitions: dict[str, Any] = made["$defs"]
    return definitions


def _operation(
    summary: str,
    answers: dict[str, Any],
    refusals: tuple[int, ...],
    parameters: list[dict[str, Any]] | None = None,
    body: type[Asked] | None = None,
) -> dict[str, Any]:
    told = answers | {str(status): _json(RefusalTold, _WORDS[status]) for status in sorted(refusals)}
    for status in {"429", "503"} & told.keys():
        told[status]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    for answer in told.values():
        answer["headers"] = answer.get("headers", {}) | _LIMIT_HEADERS
    operation: dict[str, Any] = {"summary": summary, "responses": told}
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body)}}}
    return operation


def _stream() -> dict[str, Any]:
    events = "; ".join(f"`{name}`: {model.__name__}" for name, model in EVENTS.items())
    return {
        "description": f"Server-sent events, each with its id and the JSON of a schema: {events}.",
        "headers": dict(_STREAM_HEADERS),
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }


def _json(model: type[BaseModel], description: str = "The answer.") -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref(model)}}}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _generation_query() -> list[dict[str, Any]]:
    fields = GenerateAsked.model_json_schema(ref_template=_REF)["properties"]
    method = VectorAsked.model_json_schema(ref_template=_REF)["properties"]["method"]
    dials = {"type": "array", "items": {"type": "string"}, "maxItems": FEATURES_MAX}
    stops = {"type": "array", "items": {"type": "string"}, "maxItems": STOPS_MAX}
    return [
        _parameter("prompt", "query", fields["prompt"], "Needed, unless Last-Event-ID is there."),
        _parameter("dial", "query", dials, "LABEL=VALUE, as often as wanted."),
        _parameter("method", "query", method, "How the dials act."),
        *[each if each["name"] != "stop" else each | {"schema": stops} for each in _query(OptionsAsked)],
        _parameter("token", "query", {"type": "string"}, "From POST /api/token, where one is needed."),
    ]


def _query(model: type[Asked]) -> list[dict[str, Any]]:
    fields = model.model_json_schema(ref_template=_REF)["properties"]
    return [_parameter(name, "query", schema, schema.get("title", name)) for name, schema in fields.items()]


def _parameter(
    name: str, place: str, schema: dict[str, Any], description: str, *, is_required: bool = False
) -> dict[str, Any]:
    told = {"name": name, "in": place, "schema": schema, "description": description}
    return told | ({"required": True} if is_required else {})
