"""What is asked of a gateway, as JSON."""

from collections.abc import Sequence

from steer_tui.domain import Feature, GenerationRequest, Rejected, SteeringVector
from steer_tui.wire import JsonObject


def generation_body(request: GenerationRequest) -> JsonObject:
    """A request for its lanes; activations come with it where features are watched.

    Raises Rejected for a text that JSON cannot carry to every reader.
    """
    sampling = request.sampling
    _check(request.prompt, "prompt")
    for text in sampling.stop:
        _check(text, "stop text")
    return {
        "prompt": request.prompt,
        "steeringVector": vector_body(request.vector, request.watched),
        "options": {
            "maxTokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "stop": list(sampling.stop),
            "lanes": [lane.value for lane in request.lanes],
            "returnActivations": bool(request.watched),
            "chat": request.chat,
        },
    }


def vector_body(vector: SteeringVector, watched: Sequence[Feature]) -> JsonObject:
    """The dials, and at 0 the features that are only watched."""
    values = {dial.feature.id: dial.value for dial in vector.dials}
    values |= {feature.id: 0.0 for feature in watched if feature.id not in values}
    features = [{"id": id, "value": value} for id, value in values.items()]
    return {"features": features, "method": vector.method.value}


def _check(text: str, what: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Rejected(
            f"Character {error.start + 1} of the {what} is half of a character, and a gateway takes whole ones alone.",
            hint=f"Delete it from the {what}; it may have come with something that was pasted.",
        ) from error
