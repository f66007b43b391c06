"""What is sent to steer with: all additive dials at a layer as one sum, every other dial as an operation of its own."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import Dial, Method, SteeringVector
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.directions.model_shape import ModelShape
from steer_tui.engines.directions.pushes import Push, summed
from steer_tui.engines.directions.tensors import encode_float32
from steer_tui.engines.interp.points import writing_place
from steer_tui.engines.methods import strength_of
from steer_tui.wire import JsonObject

METHODS = (Method.ADDITIVE, Method.ORTHOGONAL, Method.PROJECTION_CAP, Method.ABLATE, Method.PIN)
"""All that the server has of those that dials have."""

SteeringBody: TypeAlias = list[JsonObject] | None


def steering_body(vector: SteeringVector, directions: Directions, model: ModelShape) -> SteeringBody:
    """The operations by point and layer, or None where nothing is steered.

    Raises Rejected for a direction that does not fit the model, and what `directions` raises for one that is not open.
    """
    for dial in vector.dials:
        for push in directions.pushes(dial.feature):
            model.check_layer(dial.feature.label, push.layer)
            model.check_width(dial.feature.label, len(push.values))
    points: dict[str, dict[str, list[JsonObject]]] = {}
    for layer, operation in _operations(vector, directions):
        point, place = writing_place(layer)
        points.setdefault(point, {}).setdefault(place, []).append(operation)
    return [{"point": point, "layers": layers} for point, layers in points.items()] or None


def tensor(values: NDArray[np.float32]) -> JsonObject:
    """Numbers as they travel."""
    return {"dtype": "float32", "shape": list(values.shape), "data": encode_float32(values)}


def _operations(vector: SteeringVector, directions: Directions) -> Iterator[tuple[int, JsonObject]]:
    if vector.method is Method.ADDITIVE:
        for layer, values in summed(vector, directions).items():
            yield layer, {"method": "additive", "vector": tensor(values), "scale": 1.0, "normalize": False}
        return
    for dial in vector.dials:
        for push in directions.pushes(dial.feature):
            yield push.layer, _operation(dial, push, vector.method)


def _operation(dial: Dial, push: Push, method: Method) -> JsonObject:
    along: JsonObject = {"vector": tensor(push.values)}
    match method:
        case Method.ORTHOGONAL:
            return {"method": "orthogonal", **along, "coeff": strength_of(dial, method)}
        case Method.PROJECTION_CAP:
            # A dial turned down is the opposite direction turned up, as it is where vectors are added.
            bound = strength_of(dial, method) * float(np.linalg.norm(push.values))
            return {"method": "projection_cap", **along, "max" if bound > 0 else "min": bound}
        case Method.PIN:
            component = strength_of(dial, method) * float(np.linalg.norm(push.values))
            return {"method": "projection_cap", **along, "min": component, "max": component}
        case Method.ABLATE:
            return {"method": "ablate", **along}
        case Method.ADDITIVE:
            raise AssertionError("vectors that are added are summed")
