"""Reads features off a text: how far each token's residual goes along what the feature is read by."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import Feature, Malformed
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.directions.model_shape import ModelShape
from steer_tui.engines.directions.tensors import decode
from steer_tui.engines.interp.answers import Projected
from steer_tui.engines.interp.connection import Connection
from steer_tui.engines.interp.points import reading_point
from steer_tui.engines.interp.steering import SteeringBody, tensor
from steer_tui.wire import JsonObject, read_answer


class Projection:
    """Reads features off texts: a request for all of them, a set of directions for each layer."""

    def __init__(self, connection: Connection, features: Sequence[Feature], directions: Directions) -> None:
        self._connection = connection
        self._features = tuple(features)
        self._reads = [directions.reading(feature) for feature in features]
        self._layers = sorted({read.layer for read in self._reads})

    def check(self, model: ModelShape) -> None:
        """Raise Rejected for a feature that does not fit the model."""
        for feature, read in zip(self._features, self._reads, strict=True):
            model.check_layer(feature.label, read.layer)
            model.check_width(feature.label, len(read.encoder.values))

    async def read(self, ids: Sequence[int], steering: SteeringBody) -> NDArray[np.float32]:
        """The activations, [tokens][features]."""
        body: JsonObject = {
            "prompt_token_ids": list(ids),
            "directions": [self._set_at(layer) for layer in self._layers],
            "steering": steering,
        }
        answer = read_answer(Projected, await self._connection.post("/v1/project", body))
        if len(answer.values) != len(self._layers):
            raise Malformed(f"The server sent {len(answer.values)} projections where {len(self._layers)} were asked.")
        told = {
            layer: decode(sent.dtype, sent.shape, sent.data)
            for layer, sent in zip(self._layers, answer.values, strict=True)
        }
        return self._activations(told, len(ids))

    def _set_at(self, layer: int) -> JsonObject:
        encoders = [read.encoder for read in self._reads if read.layer == layer]
        return {
            "point": reading_point(layer),
            "vectors": tensor(np.stack([encoder.values for encoder in encoders])),
            "bias": tensor(np.array([encoder.bias for encoder in encoders], np.float32)),
            "nonlinearity": "none",  # the server has ReLU alone, and a threshold is the encoder's own
        }

    def _activations(self, told: Mapping[int, NDArray[np.float32]], tokens: int) -> NDArray[np.float32]:
        taken = dict.fromkeys(self._layers, 0)
        columns = []
        for read in self._reads:
            values, column = told[read.layer], taken[read.layer]
            if values.ndim != 2 or values.shape[0] != tokens or values.shape[1] <= column:
                raise Malformed(f"The server sent projections of the shape {list(values.shape)} for {tokens} tokens.")
            if not np.isfinite(values[:, column]).all():
                raise Malformed("The server sent projections that are not numbers.")
            taken[read.layer] += 1
            columns.append(read.encoder.fired(values[:, column]))
        return np.stack(columns, axis=1)
