"""Whether steering has any effect on a server: a few tokens without a push, and under a very large one.

A server may take a vector and leave it out. What it writes under a push in a direction that means nothing then is what
it writes without one, to the letter.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TypeAlias

from steer_tui.domain import (
    Dial,
    DoneEvent,
    ErrorEvent,
    Event,
    Feature,
    GenerationRequest,
    Lane,
    RewindEvent,
    Sampling,
    SteeringVector,
    TokenEvent,
    error_from_code,
)

Stream: TypeAlias = Callable[[GenerationRequest], AsyncGenerator[Event, None]]

CANARY_WARNING = (
    "Steering has no effect on this server: under a very large push it wrote the same text as without one, "
    "so the steered text here is what the model writes alone."
)
"""What the screen says where the texts are the same."""

DOSE = 2.0
"""The push as a share of the mean residual norm: no text survives it."""

BLIND_VALUE = 1000.0
"""How far the dial is turned where no norm is known."""

PROMPTS = ("The weather in the north is", "She opened the letter and read:")
"""Two, for one text may be the same by chance."""

GREEDY = Sampling(temperature=0.0, max_tokens=8, seed=1)


async def steering_has_effect(stream: Stream, features: Sequence[Feature]) -> bool:
    """Whether any of the features, random directions mostly, changes what follows on any of the prompts.

    The first difference settles it. A model that writes nothing of itself and nothing under a push tells nothing, and
    is given the benefit of the doubt. Raises what the stream raises.
    """
    has_told = False
    for prompt in PROMPTS:
        alone = await _text(stream, prompt, SteeringVector())
        for feature in features:
            pushed = await _text(stream, prompt, SteeringVector((large_dial(feature),)))
            if pushed != alone:
                return True
            has_told = has_told or alone.strip() != ""
    return not has_told


def large_dial(feature: Feature) -> Dial:
    """The feature, turned far beyond what is of use."""
    return Dial(feature, DOSE * feature.residual_norm / feature.unit if feature.residual_norm else BLIND_VALUE)


async def _text(stream: Stream, prompt: str, vector: SteeringVector) -> str:
    tokens: list[str] = []
    request = GenerationRequest(prompt, GREEDY, vector, (Lane.STEERED,))
    async with aclosing(stream(request)) as events:
        async for event in events:
            match event:
                case TokenEvent(token):
                    tokens.append(token)
                case RewindEvent(_, keep):
                    del tokens[keep:]
                case ErrorEvent(message, code, retry_after):
                    raise error_from_code(code, message, retry_after)
                case DoneEvent():
                    break
    return "".join(tokens)
