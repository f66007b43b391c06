"""Features and their evidence, as the gateway describes them."""

from steer_tui.domain import Context, CurvePoint, Evidence, Feature, FeatureKind, InvalidValue, Malformed
from steer_tui.engines.gateway.answers import FeatureAnswer

_UNKNOWN_ORIGIN = "the gateway's own"


def read_feature(told: FeatureAnswer) -> Feature:
    """The feature that is described; raises Malformed for one that cannot be."""
    try:
        return Feature(
            id=told.id,
            label=told.label,
            unit=told.unit,
            kind=FeatureKind(told.kind) if told.kind in tuple(FeatureKind) else FeatureKind.VECTOR,
            unit_origin=told.unit_origin or _UNKNOWN_ORIGIN,
            residual_norm=told.residual_norm,
            max_activation=told.max_activation,
            density=told.density,
            promoted=told.promoted,
            suppressed=told.suppressed,
        )
    except InvalidValue as error:
        raise Malformed("The gateway describes a feature that cannot be.") from error


def read_evidence(told: FeatureAnswer) -> Evidence:
    """Where the feature fires, and what its dial did, as far as the gateway tells."""
    if any(len(context.tokens) != len(context.activations) for context in told.contexts):
        raise Malformed("The gateway tells of a context whose activations are not one a token.")
    return Evidence(
        contexts=tuple(Context(context.tokens, context.activations) for context in told.contexts),
        curve=tuple(
            CurvePoint(point.value, point.share, point.nats, point.random_share)
            for point in sorted(told.curve, key=lambda point: point.value)
        ),
    )
