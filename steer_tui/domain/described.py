"""A feature with what is known of it as a JSON object, as `features --json` and the gateway tell it."""

from typing import Any

from steer_tui.domain.evidence import Evidence
from steer_tui.domain.steering import Feature

CONTEXTS = 3
"""How many contexts are told."""


def feature_to_wire(feature: Feature, evidence: Evidence) -> dict[str, Any]:
    """The object, with camelCase keys."""
    return {
        "id": feature.id,
        "label": feature.label,
        "kind": feature.kind.value,
        "unit": feature.unit,
        "unitOrigin": feature.unit_origin,
        "residualNorm": feature.residual_norm,
        "maxActivation": feature.max_activation,
        "density": feature.density,
        "promoted": feature.promoted,
        "suppressed": feature.suppressed,
        "contexts": [
            {"tokens": context.tokens, "activations": context.activations} for context in evidence.contexts[:CONTEXTS]
        ],
        "curve": [
            {"value": point.value, "share": point.share, "nats": point.nats, "randomShare": point.random_share}
            for point in evidence.curve
        ],
    }
