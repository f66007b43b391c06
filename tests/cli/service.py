"""Neuronpedia as the command line meets it: the routes that it asks, answered as they were observed."""

import asyncio
import json

from loopback import Call, Handler

MODEL = "gemma-2-2b"
SOURCE = "20-gemmascope-res-16k"
BRIDGE = f"{MODEL}/{SOURCE}/3124"
KEY = "sk-np-0Secret1"


def row(index: int) -> dict[str, object]:
    """A feature whose notch is a strength of 8."""
    told = {"modelId": MODEL, "layer": SOURCE, "index": str(index), "maxActApprox": 40.0, "pos_str": [" Golden"]}
    texts = [{"tokens": [" the", " Bridge"], "values": [0.0, 40.0]}]
    return told | {"explanations": [{"description": f"bridges {index}"}], "activations": texts}


async def model(call: Call) -> None:
    sources = [{"id": SOURCE, "inferenceEnabled": True}, {"id": "0-other", "inferenceEnabled": False}]
    described = {"id": MODEL, "displayName": "Gemma 2 2B", "inferenceEnabled": True, "instruct": False, "layers": 26}
    rows = [described | {"sourceSets": [{"sources": sources}]}, {"id": "gpt2", "displayName": "gpt2"}]
    await call.answer_json(rows if call.path == "/api/model/list" else rows[0])


async def feature(call: Call) -> None:
    await call.answer_json(row(int(call.path.rpartition("/")[2])))


async def search(call: Call) -> None:
    """Two pages of two."""
    offset = call.json["offset"]
    found = [
        {
            "modelId": MODEL,
            "layer": SOURCE,
            "index": str(index),
            "description": f"bridges {index}",
            "neuron": row(index),
        }
        for index in range(offset, min(offset + 2, 4))
    ]
    more = {"hasMore": True, "nextOffset": offset + 2} if offset + 2 < 4 else {"hasMore": False}
    await call.answer_json({"request": {}, "results": found, "resultsCount": len(found)} | more)


async def presets(call: Call) -> None:
    features = [{"modelId": MODEL, "layer": SOURCE, "index": 3124, "strength": 40.0}]
    told = {"model": MODEL, "defaultPrompt": "", "featurePresets": [{"name": "Bridge mode", "features": features}]}
    await call.answer_json(told)


async def steer(call: Call) -> None:
    """The default text is complete before the steered one."""
    texts = [(" the", " a tower."), (" the Golden", " a tower."), (" the Golden Gate", " a tower.")]
    await call.start(headers={"x-limit-remaining": "231"})
    for place, (steered, default) in enumerate(texts):
        end = {"id": "abc", "shareUrl": "https://www.neuronpedia.org/steer/abc"} if place == 2 else {"id": None}
        told = {"STEERED": steered, "DEFAULT": default, "limit": "231"} | end
        await call.chunk(f"data: {json.dumps(told)}\n\n".encode())


async def limited(call: Call) -> None:
    await call.answer_json({"message": "Too many requests."}, 429, headers={"Retry-After": "12"})


async def broken(call: Call) -> None:
    await call.answer("<html>no JSON", 500, "text/html")


async def silent(call: Call) -> None:
    await call.gone.wait()


async def unauthorized(call: Call) -> None:
    await asyncio.sleep(0)
    await call.answer_json({"error": "This endpoint requires authorization."}, 401)


async def lists(call: Call) -> None:
    if call.headers.get("x-api-key") == KEY:
        await call.answer_json([])
    else:
        await unauthorized(call)


def routes(**others: Handler) -> dict[str, Handler]:
    """All of them; those named here are answered otherwise."""
    features = {f"GET /api/feature/{MODEL}/{SOURCE}/{index}": feature for index in (0, 1, 2, 3, 3124)}
    known: dict[str, Handler] = {
        "POST /api/model/get": others.get("model", model),
        "POST /api/model/list": others.get("model", model),
        "POST /api/explanation/search-model": others.get("search", search),
        "POST /api/steer/presets": others.get("presets", presets),
        "POST /api/steer": others.get("steer", steer),
        "POST /api/list/list": others.get("lists", lists),
        "POST /api/features": others.get("features", bulk),
        "POST /api/activation/new": others.get("activate", activate),
    }
    return known | features


async def bulk(call: Call) -> None:
    await call.answer_json([row(asked["index"]) for asked in call.json])


async def activate(call: Call) -> None:
    """A word is a token, on the last of which the feature fires."""
    words = call.json["customText"].replace(" ", "\0 ").split("\0")
    await call.answer_json({"tokens": words, "values": [0.0] * (len(words) - 1) + [3.0]})
