"""What the tests ask of the engine, and what they read of its answers."""

from dataclasses import replace

from steer_tui.domain import (
    ActivationEvent,
    Dial,
    Event,
    Feature,
    GenerationRequest,
    Lane,
    Method,
    Sampling,
    SteeringVector,
)
from steer_tui.engines import Engine

STEERED, DEFAULT = (Lane.STEERED,), (Lane.DEFAULT,)


async def feature(engine: Engine, name: object) -> Feature:
    (found,) = await engine.find_features(str(name))
    return found


def asked(
    *dials: tuple[Feature, float],
    lanes: tuple[Lane, ...] = STEERED,
    prompt: str = "Once upon",
    method: Method = Method.ADDITIVE,
    watched: tuple[Feature, ...] = (),
    chat: bool = False,
    **sampling: object,
) -> GenerationRequest:
    vector = SteeringVector.of([Dial(feature, value) for feature, value in dials], method)
    settings = replace(Sampling(max_tokens=8), **sampling)  # type: ignore[arg-type]
    return GenerationRequest(prompt, settings, vector, lanes, watched, chat)


def activations(events: list[Event], lane: Lane = Lane.STEERED) -> dict[int, list[float]]:
    """Of each token, in the order of the watched features."""
    told = [event for event in events if isinstance(event, ActivationEvent) and event.lane is lane]
    return {event.token_index: [round(one.activation, 3) for one in event.features] for event in told}
