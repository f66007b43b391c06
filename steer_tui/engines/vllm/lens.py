"""vLLM with the plugin vllm-lens, which steers and captures by what a request says in `vllm_xargs`."""

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import SecretStr

from steer_tui.domain import Feature, Malformed, NotFound, Rejected, SteerError, Unsupported
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.directions.model_shape import EMBEDDING
from steer_tui.engines.directions.residual_norms import SENTENCES, mean_norm
from steer_tui.engines.directions.tensors import encode_float32
from steer_tui.engines.door import Reading
from steer_tui.engines.vllm.bodies import check_layer
from steer_tui.engines.vllm.captures import can_unpack, model_shape, residuals
from steer_tui.engines.vllm.connection import Connection
from steer_tui.engines.vllm.dialect import Learned, Pushes
from steer_tui.engines.vllm.engine import VllmEngine
from steer_tui.engines.vllm.rereading import reread
from steer_tui.wire import JsonObject

_CANNOT = (Unsupported, Rejected, Malformed)

_AFRESH: JsonObject = {"vllm_xargs": {"skip_reading_prefix_cache": 1}}
"""Reads the prompt anew: what the server has kept of it may be what another client has steered."""

NO_ACTIVATIONS = (
    "This server sends no activations: vllm-lens may be missing or switched off there, and then nothing steers; the "
    "dose of a notch is not known."
)

PACKED = (
    "This server packs activations with zstd, which cannot be unpacked here, so that the dose of a notch is not known; "
    "pip install 'steer-tui[vllm]' brings what does."
)


class LensDialect:
    """How vllm-lens is asked; `layer_indices` are blocks from 0, to whose outputs it adds."""

    name = "vllm-lens"

    def steering(self, pushes: Pushes) -> JsonObject:
        """One vector a layer, the sum of all dials there, as text: the server passes plain values on, and no lists.

        What it keeps of a steered prompt would be taken for that of the same prompt unsteered, but for the salt.
        """
        vectors = [
            {
                "activations": {"data": encode_float32(values), "dtype": "float32", "shape": [1, len(values)]},
                "layer_indices": [layer],
                "scale": 1.0,
                "norm_match": False,
                "position_indices": None,
            }
            for layer, values in pushes.items()
        ]
        told = json.dumps(vectors)
        salt = hashlib.sha256(told.encode()).hexdigest()
        return {"vllm_xargs": {"apply_steering_vectors": told}, "cache_salt": salt}

    async def learn(self, connection: Connection, model: str) -> Learned:
        """The model's shape, which a capture of all layers at one token has; none where nothing is captured."""
        try:
            shape = await model_shape(connection, model)
        except _CANNOT as failure:
            return Learned(unsteered=_AFRESH, warning=f"{NO_ACTIVATIONS} It says: {failure.message}")
        if shape is None:
            return Learned(unsteered=_AFRESH, warning=NO_ACTIVATIONS)
        layers, width = shape
        return Learned(width, layers, _AFRESH, None if can_unpack() else PACKED)

    async def problem(self, connection: Connection) -> SteerError | None:
        """Whether the plugin's own path is missing: it names what is unknown there in words of its own."""
        try:
            await connection.get("/v1/activations/none")
        except NotFound:
            return None
        except Unsupported:
            return Unsupported(
                "This vLLM server has no vllm-lens, or an old one.",
                hint="Install vllm-lens there, check that VLLM_LENS_DISABLE is not set, and start the server again.",
            )
        return None

    async def measure(self, connection: Connection, model: str, layers: Sequence[int]) -> Mapping[int, float]:
        """The mean residual norms at layers, each sentence a request of its own."""
        reached = [layer for layer in layers if layer != EMBEDDING]
        if not reached:
            return {}
        rows = [await residuals(connection, model, text, reached) for text in SENTENCES]
        norms = {layer: mean_norm(one[layer] for one in rows) for layer in reached}
        return {layer: norm for layer, norm in norms.items() if norm is not None}


class VllmLens(VllmEngine):
    """A vLLM server with vllm-lens: additive vectors at any layers, doses that are measured, and texts re-read."""

    def __init__(
        self,
        url: str,
        *,
        directions: Directions,
        model: str | None = None,
        key: SecretStr | None = None,
        with_canary: bool = True,
    ) -> None:
        super().__init__(LensDialect(), url, directions=directions, model=model, key=key, with_canary=with_canary)

    async def reread(self, text: str, features: Sequence[Feature]) -> Reading:
        """The features on every token of the text and how likely each token is, read anew and without steering."""
        known = await self._learn()
        reads = [self._directions.reading(feature) for feature in features]
        for feature, read in zip(features, reads, strict=True):
            check_layer(feature.label, read.layer, known.shape)
            known.shape.check_width(feature.label, len(read.encoder.values))
        return await reread(self._connection, known.model.id, text, reads)

    async def capture(self, text: str, layers: Sequence[int], *, chat: bool) -> Mapping[int, NDArray[np.float32]]:
        """The output of each of these layers, [tokens][width], without steering; the first token included."""
        known = await self._learn()
        for layer in layers:
            check_layer(f"layer {layer}", layer, known.shape)
        return await residuals(self._connection, known.model.id, text, layers, chat=chat)

    @property
    def rereads_freely(self) -> bool:
        """Whether the server sends activations at all: it is the person's own, and counts nothing."""
        return self._known is not None and self._known.learned.width is not None and can_unpack()
