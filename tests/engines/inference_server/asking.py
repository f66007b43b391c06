"""What the tests ask of the engine, and what they read of its answers."""

from dataclasses import replace

from steer_tui.domain import (
    Dial,
    Feature,
    GenerationRequest,
    Lane,
    Method,
    Sampling,
    SteeringVector,
)

SEA = Feature("gpt2-small/6-res-jb/7", "6-res-jb/7", unit=2.0)
DOG = Feature("gpt2-small/6-res-jb/8", "6-res-jb/8", unit=2.0)
STEERED, DEFAULT = (Lane.STEERED,), (Lane.DEFAULT,)


def asked(
    lanes: tuple[Lane, ...] = STEERED,
    prompt: str = "Once upon",
    value: float = 4.0,
    method: Method = Method.ADDITIVE,
    **sampling: object,
) -> GenerationRequest:
    vector = SteeringVector.of((Dial(SEA, value),), method)
    settings = replace(Sampling(max_tokens=8), **sampling)  # type: ignore[arg-type]
    return GenerationRequest(prompt, settings, vector, lanes)
