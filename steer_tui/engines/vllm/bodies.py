"""What asks for a text, alike for both kinds of server."""

from collections.abc import Sequence

from steer_tui.domain import GenerationRequest, Method, SteeringVector, Unsupported, safe_line
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.directions.model_shape import EMBEDDING, ModelShape
from steer_tui.engines.directions.pushes import summed
from steer_tui.engines.vllm.dialect import Pushes
from steer_tui.wire import JsonObject

COMPLETIONS, CHATS = "/v1/completions", "/v1/chat/completions"
"""Where raw completions and chats are asked."""


def chat_messages(prompt: str) -> Sequence[JsonObject]:
    """The chat that begins with a prompt."""
    return [{"role": "user", "content": prompt}]


def lane_body(request: GenerationRequest, model: str) -> JsonObject:
    """The body that asks for the text of one lane, without what steers it.

    What a model's maker recommends for sampling is not used, so that the same settings mean the same on every engine.
    """
    sampling = request.sampling
    body: JsonObject = {
        "model": model,
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "stream": True,
    }
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if request.chat:
        return {**body, "messages": chat_messages(request.prompt), "logprobs": True, "top_logprobs": 0}
    return {**body, "prompt": request.prompt, "logprobs": 0}


def check_method(vector: SteeringVector) -> None:
    """Raise Unsupported for a method that such a server does not have."""
    if vector.dials and vector.method is not Method.ADDITIVE:
        raise Unsupported(
            f"This server adds vectors, and cannot steer with the method {vector.method.value}.",
            hint="Choose the method additive.",
        )


def pushes_of(vector: SteeringVector, directions: Directions, shape: ModelShape) -> Pushes:
    """What all dials together add at each layer.

    Raises Rejected for a direction that does not fit the model: vllm-lens would leave it out and say nothing.
    """
    directions.meet(shape)
    for dial in vector.dials:
        for push in directions.pushes(dial.feature):
            check_layer(dial.feature.label, push.layer, shape)
            shape.check_width(dial.feature.label, len(push.values))
    return summed(vector, directions)


def check_layer(what: str, layer: int, shape: ModelShape) -> None:
    """Raise for a layer that the server cannot reach."""
    if layer == EMBEDDING:
        raise Unsupported(
            f"{safe_line(what)} acts on the embedding, and this server reaches what the layers put out alone.",
            hint="Name a vector of layer 0 or a later one.",
        )
    shape.check_layer(what, layer)
