"""A service that follows the protocol as it was observed: cumulative frames, quota headers, a saved end."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from loopback import Call, Handler, Loopback

from steer_tui.domain import Dial, Event, Feature, GenerationRequest, Sampling, SteeringVector, TokenEvent
from steer_tui.domain.events import RewindEvent
from steer_tui.domain.request import BOTH_LANES, Lane
from steer_tui.engines.neuronpedia import HostedNeuronpedia

MODEL = "gemma-2-2b"
SOURCE = "20-gemmascope-res-16k"
CITY = Feature(f"{MODEL}/{SOURCE}/3124", "San Francisco", unit=8.0)
DOGS = Feature(f"{MODEL}/{SOURCE}/12082", "dogs", unit=5.0)
LINK = "https://www.neuronpedia.org/steer/abc123"
PROMPT = "The most iconic structure on Earth is"

Serve = Callable[..., Awaitable[tuple[Loopback, HostedNeuronpedia]]]


def asking(
    *dials: Dial, lanes: tuple[Lane, ...] = BOTH_LANES, chat: bool = False, **sampling: Any
) -> GenerationRequest:
    vector = SteeringVector.of(dials or (Dial(CITY, 4.0),))
    watched = tuple(dial.feature for dial in dials) or (CITY,)
    return GenerationRequest(PROMPT, Sampling(**sampling), vector, lanes, watched, chat)


def answer(steered: Any, default: Any, id: str | None = None, limit: str | None = "231") -> dict[str, Any]:
    told = {"STEERED": steered, "DEFAULT": default, "steeredLogProbs": None, "defaultLogProbs": None, "id": id}
    return {**told, **({"shareUrl": LINK} if id else {}), "limit": limit}


def frame(steered: Any, default: Any, id: str | None = None) -> bytes:
    return b"data: " + json.dumps(answer(steered, default, id)).encode() + b"\n\n"


FRAMES = (
    frame(" the", None),
    frame(" the", " a"),
    frame(" the Golden", " a"),
    frame(" the Golden", " a tower"),
    frame(" the Golden Gate", " a tower"),
    frame(" the Golden Gate", " a tower.", "abc123"),
)
STEERED, DEFAULT = " the Golden Gate", " a tower."
HEADERS = {"x-limit-remaining": "232", "cache-control": "no-cache, no-transform"}


def streaming(frames: Iterable[bytes] = FRAMES) -> Handler:
    async def steer(call: Call) -> None:
        await call.start(headers=HEADERS)
        for each in frames:
            await call.chunk(each)

    return steer


def refusing(status: int, body: object, headers: dict[str, str] | None = None) -> Handler:
    async def steer(call: Call) -> None:
        await call.answer_json(body, status, headers)

    return steer


def answering(body: object, headers: dict[str, str] | None = None) -> Handler:
    return refusing(200, body, headers)


async def gather(engine: HostedNeuronpedia, request: GenerationRequest) -> list[Event]:
    return [event async for event in engine.stream(request)]


def text_of(events: Iterable[Event], lane: Lane) -> str:
    tokens: list[str] = []
    for event in events:
        if event.lane is not lane:
            continue
        if isinstance(event, RewindEvent):
            del tokens[event.keep :]
        elif isinstance(event, TokenEvent):
            assert event.index == len(tokens)
            tokens.append(event.token)
    return "".join(tokens)


def steer_calls(server: Loopback) -> list[Call]:
    return [call for call in server.calls if call.path.startswith("/api/steer")]


async def age(folder: Path, days: float) -> None:
    """Make every answer that is kept there so many days old."""
    for file in await asyncio.to_thread(lambda: list(folder.glob("*.json"))):
        held = json.loads(file.read_text())
        file.write_text(json.dumps({**held, "at": time.time() - days * 86400}))
