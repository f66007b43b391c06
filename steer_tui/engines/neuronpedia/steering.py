"""What is asked of the service: checked against its limits before it leaves, because a refusal costs a request too."""

from dataclasses import dataclass

from steer_tui.domain import Feature, FeatureKind, GenerationRequest, Lane, Rejected, Sampling, Unsupported
from steer_tui.engines.methods import method_name, strength_of
from steer_tui.engines.names import FeatureName, read_name
from steer_tui.engines.neuronpedia.answers import ReadText, read_chat, read_completion
from steer_tui.wire import JsonObject

TEMPERATURE_MAX = 2.0
SEED_MAX = 100_000_000
CHAT_STRENGTH_MIN = -300.0
STRENGTH_MULTIPLIER = 1.0
"""The service takes 0 to 10; a coefficient is sent as it is, and multiplied by nothing."""

_LARGE_MODELS = ("llama3.3-70b-it", "gpt-oss-20b")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the service takes."""

    prompt: int = 2048
    """Characters, as JavaScript counts them."""
    tokens: int = 256


@dataclass(frozen=True, slots=True)
class Steering:
    """A steering request that may leave."""

    path: str
    content: JsonObject
    lanes: tuple[Lane, ...]
    """The lanes that are wanted; the service always makes both."""
    sampling: Sampling
    names: tuple[FeatureName, ...]
    read_text: ReadText
    prompt: str | None
    """What an old server repeats before its text, or None where none does."""

    @property
    def streamed(self) -> JsonObject:
        """The body that asks for a stream."""
        return {**self.content, "stream": True}

    @property
    def whole(self) -> JsonObject:
        """The body that asks for one answer."""
        return {**self.content, "stream": False}


def steering(request: GenerationRequest, model: str) -> Steering:
    """The service's own form of a request; raises `Rejected` or `Unsupported` for one that it would refuse."""
    _check_sampling(request, _limits(model, request.chat))
    features = _features(request, model)
    if request.chat and any(strength < CHAT_STRENGTH_MIN for _, strength in features):
        raise Rejected(
            f"In a chat the service steers with a strength of {CHAT_STRENGTH_MIN:g} at the least.",
            hint="Turn the dial up.",
        )
    sampling = request.sampling
    content: JsonObject = {
        "modelId": model,
        "features": [
            {"modelId": name.model, "layer": name.source, "index": name.index, "strength": strength}
            for name, strength in features
        ],
        "temperature": sampling.temperature,
        "n_tokens": sampling.max_tokens,
        "freq_penalty": 0,
        "seed": sampling.seed,
        "strength_multiplier": STRENGTH_MULTIPLIER,
        "steer_method": method_name(request.vector),
    }
    lanes, names = request.lanes, tuple(name for name, _ in features)
    if not request.chat:
        content["prompt"] = request.prompt
        return Steering("/api/steer", content, lanes, sampling, names, read_completion, request.prompt)
    messages = [{"role": "user", "content": request.prompt}]
    content |= {"defaultChatMessages": messages, "steeredChatMessages": messages, "steer_special_tokens": True}
    return Steering("/api/steer-chat", content, lanes, sampling, names, read_chat, None)


def _limits(model: str, chat: bool) -> Limits:
    return Limits(8192, 1024) if chat and model in _LARGE_MODELS else Limits()


def _check_sampling(request: GenerationRequest, limits: Limits) -> None:
    sampling = request.sampling
    length = len(request.prompt.encode("utf-16-le", "surrogatepass")) // 2
    if length > limits.prompt:
        raise Rejected(
            f"The prompt has {length:,} characters, and the service takes {limits.prompt:,}.",
            hint=f"Shorten it by {length - limits.prompt:,}.",
        )
    if sampling.max_tokens > limits.tokens:
        raise Rejected(
            f"{sampling.max_tokens:,} tokens are asked for, and the service generates {limits.tokens:,} at the most.",
            hint=f"Set the number of tokens to {limits.tokens:,} or less.",
        )
    if sampling.temperature > TEMPERATURE_MAX:
        raise Rejected(
            f"The temperature is {sampling.temperature:g}, and the service takes 0 to {TEMPERATURE_MAX:g}.",
            hint=f"Set it to {TEMPERATURE_MAX:g} or less.",
        )
    if sampling.seed > SEED_MAX:
        raise Rejected(
            f"The seed is {sampling.seed}, and the service takes 0 to {SEED_MAX}.",
            hint=f"Set it to {SEED_MAX} or less.",
        )


def _features(request: GenerationRequest, model: str) -> list[tuple[FeatureName, float]]:
    dials = request.vector.dials
    if not dials:
        if not request.watched:
            raise Rejected(
                "Neuronpedia generates only with a feature to steer with, and there is no dial.",
                hint="Add a dial; it may stand at 0.",
            )
        return [(_name(request.watched[0], model), 0.0)]
    if len({dial.feature.kind is FeatureKind.VECTOR for dial in dials}) > 1:
        raise Rejected(
            "Neuronpedia steers with features of its dictionaries or with vectors, and not with both at once.",
            hint="Turn the dials of one kind to 0.",
        )
    return [(_name(dial.feature, model), strength_of(dial, request.vector.method)) for dial in dials]


def _name(feature: Feature, model: str) -> FeatureName:
    name = read_name(feature.id)
    if name is None or name.model is None:
        raise Unsupported(
            f"Neuronpedia cannot steer with {feature.label!r}, which is not one of its features.",
            hint="Choose features by model/source/index, or search for them.",
        )
    if name.model != model:
        raise Unsupported(
            f"The feature {feature.label!r} belongs to the model {name.model}, and {model} is the one that is steered.",
            hint=f"Choose the model {name.model}, or a feature of {model}.",
        )
    return name
