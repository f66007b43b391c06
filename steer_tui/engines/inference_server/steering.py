"""A request as the server wants it: in snake_case, which both its older and its newer versions take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steer_tui.domain import Feature, GenerationRequest, Lane, Method, NotFound, SteeringVector, Unsupported, safe_line
from steer_tui.engines.inference_server.answers import Capabilities
from steer_tui.engines.inference_server.random_name import RandomName
from steer_tui.engines.methods import METHOD_NAMES, method_name, strength_of
from steer_tui.engines.names import FeatureName, read_name
from steer_tui.wire import JsonObject

STEERED, DEFAULT = "STEERED", "DEFAULT"


@dataclass(frozen=True, slots=True)
class HookedVector:
    """A direction by its numbers, and where in the model it acts."""

    values: tuple[float, ...]
    hook: str


def methods_of(capabilities: Capabilities) -> tuple[Method, ...]:
    """The methods that the server's backend has."""
    return tuple(
        method for method in METHOD_NAMES if method is not Method.PROJECTION_CAP or capabilities.caps_projections
    )


def check_method(vector: SteeringVector, capabilities: Capabilities) -> None:
    """Raise Unsupported for a method that the server would take and not do."""
    if vector.dials and vector.method is Method.PROJECTION_CAP and not capabilities.caps_projections:
        backend = safe_line(capabilities.backend or "unknown")
        raise Unsupported(
            f"The server's backend is {backend}, which adds the vector where projection_cap was asked for.",
            hint="Choose another method, or start the server with its vLLM backend.",
        )


def name_of(feature: Feature) -> FeatureName | RandomName:
    """What the feature is called, by its id."""
    name = RandomName.parse(feature.id) or read_name(feature.id)
    if name is None:
        raise NotFound(
            f"{safe_line(feature.label)!r} is not a feature of an SAE, which is all that this server knows.",
            hint="Name a feature as source/index, such as 20-gemmascope-res-16k/123.",
        )
    return name


def chat_messages(prompt: str) -> Sequence[JsonObject]:
    """The chat that begins with a prompt."""
    return [{"role": "user", "content": prompt}]


def steering_body(
    request: GenerationRequest, lane: Lane, model: str, vectors: Mapping[str, HookedVector]
) -> JsonObject:
    """The body that asks for one lane.

    `vectors` holds the directions, by the features' ids, where the dials are not sent by name: all of them or none.
    """
    vector, sampling = request.vector_of(lane), request.sampling
    body: JsonObject = {
        "prompt": chat_messages(request.prompt) if request.chat else request.prompt,
        "model": model,
        "steer_method": method_name(vector),
        "normalize_steering": True,  # a coefficient multiplies a unit direction
        # Without dials the types are the same text, and the server may not take a steered one without features.
        "types": [STEERED if vector.dials else DEFAULT],
        "n_completion_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "strength_multiplier": 1.0,
        "freq_penalty": 0.0,
        "seed": sampling.seed,
        "stream": True,
    }
    if request.chat:
        body["steer_special_tokens"] = True  # every position, as in a raw completion
    if vectors:
        body["vectors"] = _by_number(vector, vectors)
    else:
        body["features"] = _by_name(vector, model)
    return body


def _by_name(vector: SteeringVector, model: str) -> Sequence[JsonObject]:
    named: list[JsonObject] = []
    for dial in vector.dials:
        name = name_of(dial.feature)
        assert isinstance(name, FeatureName), "a random direction has no name at the server"
        strength = strength_of(dial, vector.method)
        where = {"model": name.model or model, "source": name.source, "index": name.index}
        named.append({**where, "strength": strength})
    return named


def _by_number(vector: SteeringVector, vectors: Mapping[str, HookedVector]) -> Sequence[JsonObject]:
    return [
        {
            "steering_vector": list(vectors[dial.feature.id].values),
            "strength": strength_of(dial, vector.method),
            "hook": vectors[dial.feature.id].hook,
        }
        for dial in vector.dials
    ]
