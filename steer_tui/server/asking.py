"""From what a client asks to what an engine is asked."""

from dataclasses import dataclass

from steer_tui.domain import Dial, Feature, GenerationRequest, SteeringVector
from steer_tui.engines import Engine
from steer_tui.engines.lookup import UnknownFeature
from steer_tui.server.bodies import GenerateAsked, VectorAsked
from steer_tui.server.offer import Offer
from steer_tui.server.refusing import Denial


@dataclass(frozen=True, slots=True)
class NamedDials:
    """The dials that were named, those that are off among them."""

    vector: SteeringVector
    features: tuple[Feature, ...]


def bare_request(asked: GenerateAsked) -> GenerationRequest:
    """The request without its dials."""
    options = asked.options
    return GenerationRequest(asked.prompt, options.sampling, lanes=options.lanes, chat=options.chat)


async def named_dials(engine: Engine, offer: Offer, asked: VectorAsked) -> NamedDials:
    """The engine's dials that are meant; raises `Denial` for what it has not, and the engine's own failures."""
    if asked.method not in engine.info.methods:
        known = ", ".join(method.value for method in engine.info.methods)
        raise Denial(422, "unsupported", f"The engine has no method {asked.method.value}.", hint=f"It has: {known}.")
    dials: dict[str, Dial] = {}
    for named in asked.features:
        try:
            feature = await offer.resolve(named.name)
        except UnknownFeature as error:
            raise Denial(422, "not_found", error.message, hint=error.hint) from None
        if feature.id in dials:
            raise Denial(422, "rejected", f"The feature {named.name!r} is named twice; give it one value.")
        dials[feature.id] = Dial(feature, named.value)
    vector = SteeringVector.of(tuple(dials.values()), asked.method)
    return NamedDials(vector, tuple(dial.feature for dial in dials.values()))
