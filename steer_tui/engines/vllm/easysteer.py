"""EasySteer, a fork of vLLM that steers by the field `steering` of a request."""

import hashlib
from collections.abc import Mapping, Sequence
from operator import itemgetter

import numpy as np
from pydantic import SecretStr

from steer_tui.domain import Malformed, SteerError, Unsupported
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.directions.tensors import encode_float32
from steer_tui.engines.vllm.connection import Connection
from steer_tui.engines.vllm.dialect import Learned, Pushes
from steer_tui.engines.vllm.engine import VllmEngine
from steer_tui.wire import JsonObject

_VERSION = 1
"""Of the way in which a payload travels."""


class EasySteerDialect:
    """How EasySteer is asked; a layer is a block from 0, to whose output it adds.

    It tells neither the model's width nor its layers, and captures nothing over HTTP: what does not fit it refuses.
    """

    name = "easysteer"

    def steering(self, pushes: Pushes) -> JsonObject:
        """One payload with a sum for each layer: several vectors in a request want a server that was started so."""
        payload = {
            "version": _VERSION,
            "kind": "direction",
            "tensors": {
                f"layer.{layer}": {"shape": [len(values)], "data": encode_float32(values)}
                for layer, values in pushes.items()
            },
            "extra": {},
            "sha256": digest(pushes),
        }
        vector = {
            "data": payload,
            "algorithm": "direct",
            "scale": 1.0,
            "layers": sorted(pushes),
            "apply": {"prompt": "all", "generation": "all"},
        }
        return {"steering": {"conflict": "sequential", "vectors": [vector]}}

    async def learn(self, connection: Connection, model: str) -> Learned:
        """Whether the server steers by default, which a request that must not be steered has to forbid."""
        return Learned(unsteered={"steering": False} if await _steers_by_default(connection) else {})

    async def problem(self, connection: Connection) -> SteerError | None:
        """Whether the fork's own path is missing."""
        try:
            await _steers_by_default(connection)
        except Unsupported as error:
            return error
        return None

    async def measure(self, connection: Connection, model: str, layers: Sequence[int]) -> Mapping[int, float]:
        """Nothing: the server sends no activations."""
        return {}


async def _steers_by_default(connection: Connection) -> bool:
    try:
        told = await connection.get("/v1/steering")
    except Unsupported as error:
        raise Unsupported(
            "This server does not say how it steers: it is not EasySteer's, or was started without steering.",
            hint="Start EasySteer's with --enable-steer-vector --steer-algorithms direct, or choose vllm-lens.",
        ) from error
    if not isinstance(told, dict):
        raise Malformed("The server's answer is not what its protocol says: /v1/steering is no object.")
    return told.get("active") is True


def digest(pushes: Pushes) -> str:
    """A payload's identity, which the server counts anew and compares.

    It covers the kind and its version, then each tensor's name, shape and bytes, by the order of the names.
    """
    hashed = hashlib.sha256(f"direction:{_VERSION}".encode())
    for name, values in sorted(((f"layer.{layer}", values) for layer, values in pushes.items()), key=itemgetter(0)):
        hashed.update(f"{name}({len(values)},)".encode())
        hashed.update(np.ascontiguousarray(values, "<f4").tobytes())
    return hashed.hexdigest()


class EasySteer(VllmEngine):
    """An EasySteer server: additive vectors at any layers; doses and activations are not known there."""

    def __init__(
        self,
        url: str,
        *,
        directions: Directions,
        model: str | None = None,
        key: SecretStr | None = None,
        with_canary: bool = True,
    ) -> None:
        super().__init__(EasySteerDialect(), url, directions=directions, model=model, key=key, with_canary=with_canary)
