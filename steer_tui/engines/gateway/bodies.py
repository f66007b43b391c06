"""What is asked of a gateway, as JSON."""

from collections.abc import Sequence

from steer_tui.domain import Feature, GenerationRequest, SteeringVector
from steer_tui.wire import JsonObject


def generation_body(request: GenerationRequest) -> JsonObject:
    """A request for its lanes; activations come with it where features are watched."""
    sampling = request.sampling
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
