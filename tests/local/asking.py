"""What the tests ask of the engine and of the server, and what they read of the answers."""

import base64
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from local.tiny_model import PROMPT, WIDTH
from numpy.typing import NDArray

from steer_tui.domain import (
    ActivationEvent,
    Dial,
    DoneEvent,
    Event,
    Feature,
    GenerationRequest,
    Lane,
    Method,
    Sampling,
    SteeringVector,
    TokenEvent,
)
from steer_tui.engines import Engine
from steer_tui.engines.interp.serving.server import ServerAddress

STEERED, DEFAULT = (Lane.STEERED,), (Lane.DEFAULT,)
TOKENS = 24


def direction(seed: int, norm: float = 1.0) -> NDArray[np.float32]:
    """A direction that nothing else has, of this norm."""
    drawn = np.random.default_rng(seed).standard_normal(WIDTH)
    return np.asarray(norm * drawn / np.linalg.norm(drawn), dtype=np.float32)


def asked(
    *dials: Dial,
    lanes: tuple[Lane, ...] = STEERED,
    prompt: str = PROMPT,
    method: Method = Method.ADDITIVE,
    watched: tuple[Feature, ...] = (),
    chat: bool = False,
    **sampling: Any,
) -> GenerationRequest:
    """A request for the likeliest text, where nothing else is said."""
    settings = replace(Sampling(temperature=0.0, max_tokens=TOKENS), **sampling)
    return GenerationRequest(prompt, settings, SteeringVector.of(dials, method), lanes, watched, chat)


async def feature_of(engine: Engine, path: Path | str) -> Feature:
    """The one feature that the path names."""
    [feature] = await engine.find_features(str(path))
    return feature


def turned(feature: Feature, coefficient: float) -> Dial:
    """Its dial where it multiplies the unit direction by this."""
    return Dial(feature, coefficient / feature.unit)


async def events_of(engine: Engine, request: GenerationRequest) -> list[Event]:
    async with aclosing(engine.stream(request)) as stream:
        return [event async for event in stream]


async def text_of(engine: Engine, request: GenerationRequest) -> str:
    """The text of the request's first lane."""
    return text_in(await events_of(engine, request), request.lanes[0])


def text_in(events: list[Event], lane: Lane = Lane.STEERED) -> str:
    return "".join(tokens_in(events, lane))


def tokens_in(events: list[Event], lane: Lane = Lane.STEERED) -> list[str]:
    return [event.token for event in events if isinstance(event, TokenEvent) and event.lane is lane]


def endings(events: list[Event]) -> dict[Lane, str]:
    return {event.lane: event.finish_reason.value for event in events if isinstance(event, DoneEvent)}


def activations_in(events: list[Event], lane: Lane = Lane.STEERED) -> list[tuple[float, ...]]:
    """By token; fails where one of them is missing."""
    told = {event.token_index: event for event in events if isinstance(event, ActivationEvent) and event.lane is lane}
    return [tuple(feature.activation for feature in told[index].features) for index in range(len(told))]


async def post(address: ServerAddress, path: str, body: dict[str, Any]) -> Any:
    """What the server itself answers."""
    assert address.token is not None
    headers = {"Authorization": f"Bearer {address.token.get_secret_value()}"}
    async with httpx.AsyncClient(base_url=address.url, headers=headers, timeout=60, trust_env=False) as client:
        answer = await client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def generated(address: ServerAddress, ids: list[int], **body: Any) -> list[int]:
    """The tokens that the server makes of these, told all at once."""
    asked = {"prompt_token_ids": ids, "max_tokens": TOKENS, "temperature": 0.0, "stream": False}
    answer = await post(address, "/v1/generate", asked | body)
    return [int(token) for token in answer["token_ids"]]


def added(values: NDArray[np.float32], scale: float = 1.0) -> dict[str, Any]:
    """A vector that is added, as the server takes it."""
    data = base64.b64encode(values.astype("<f4").tobytes()).decode()
    vector = {"dtype": "float32", "shape": [len(values)], "data": data}
    return {"method": "additive", "vector": vector, "scale": scale}


def at_layer(layer: int, *operations: dict[str, Any]) -> list[dict[str, Any]]:
    """What acts behind one block, in order."""
    return [{"point": "resid_post", "layers": {str(layer): list(operations)}}]
