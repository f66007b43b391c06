"""Requests as the two servers declare them, written down anew from their protocols: what they would refuse fails."""

import base64
import hashlib
import json
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

WIDTH, LAYERS = 8, 4


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Activations(Strict):
    """Of vllm-lens: an array in base64."""

    data: str
    dtype: Literal["float32"]
    shape: list[int]

    @property
    def array(self) -> NDArray[np.float32]:
        return np.frombuffer(base64.b64decode(self.data, validate=True), "<f4").reshape(self.shape)


class LensVector(Strict):
    """Of vllm-lens: `SteeringVector`."""

    activations: Activations
    layer_indices: list[int]
    scale: float = 1.0
    norm_match: bool = False
    position_indices: list[int] | None = None

    @model_validator(mode="after")
    def check_shape(self) -> "LensVector":
        assert len(self.activations.shape) in (2, 3)
        assert self.activations.shape[0] == len(self.layer_indices)
        assert self.activations.array.size
        return self


class EasyTensor(Strict):
    shape: list[int]
    data: str

    @property
    def raw(self) -> bytes:
        return base64.b64decode(self.data, validate=True)


class EasyPayload(Strict):
    """Of EasySteer: a `direction` payload, whose content must be what its hash says."""

    version: Literal[1]
    kind: Literal["direction"]
    tensors: dict[str, EasyTensor]
    extra: dict[str, Any]
    sha256: str

    @model_validator(mode="after")
    def check_content(self) -> "EasyPayload":
        digest = hashlib.sha256()
        digest.update(b"direction:1")
        for name, entry in sorted(self.tensors.items()):
            digest.update(name.encode())
            digest.update(str(tuple(entry.shape)).encode())
            digest.update(entry.raw)
        assert self.extra == {}
        assert self.sha256 == digest.hexdigest(), "payload sha256 does not match its content"
        return self

    @property
    def layers(self) -> dict[int, NDArray[np.float32]]:
        return {
            int(name.removeprefix("layer.")): np.frombuffer(entry.raw, "<f4").reshape(entry.shape)
            for name, entry in self.tensors.items()
        }


class EasyApply(Strict):
    prompt: Literal["all"] | None = None
    generation: Literal["all"] | None = None


class EasyVector(Strict):
    data: EasyPayload
    algorithm: Literal["direct"]
    scale: float = 1.0
    layers: list[int] | None = None
    normalize: bool = False
    apply: EasyApply


class EasySpec(Strict):
    vectors: list[EasyVector] = Field(min_length=1)
    conflict: Literal["priority", "sequential", "error"] = "priority"


class Message(Strict):
    role: str
    content: str


class Asked(Strict):
    """What vLLM takes of a request for a text, as far as we use it."""

    model: str
    prompt: str | None = None
    messages: list[Message] | None = None
    max_tokens: int = Field(16, ge=0)
    temperature: float = Field(1.0, ge=0)
    seed: int | None = None
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    stop: list[str] = []
    stream: bool = False
    logprobs: int | bool | None = None
    top_logprobs: int | None = None
    echo: bool = False
    cache_salt: str | None = Field(None, min_length=1)
    vllm_xargs: dict[str, str | int | float | list[str | int | float]] | None = None
    steering: EasySpec | Literal[False] | None = None

    @property
    def xargs(self) -> dict[str, Any]:
        return dict(self.vllm_xargs or {})

    @property
    def captured(self) -> list[int] | None:
        """The layers whose residual stream is asked for of vllm-lens."""
        if "output_residual_stream" not in self.xargs:
            return None
        told = json.loads(self.xargs["output_residual_stream"])
        return told if isinstance(told, list) else list(range(LAYERS))

    @property
    def pushes(self) -> dict[int, NDArray[np.float32]]:
        """What is added at each layer, in either server's way."""
        if self.steering:
            return {
                layer: np.float32(vector.scale) * row
                for vector in self.steering.vectors
                for layer, row in vector.data.layers.items()
                if vector.layers is None or layer in vector.layers
            }
        vectors = [LensVector.model_validate(one) for one in json.loads(self.xargs.get("apply_steering_vectors", "[]"))]
        layers = [layer for vector in vectors for layer in vector.layer_indices]
        assert len(set(layers)) == len(layers), "one vector a layer"
        return {
            layer: np.float32(vector.scale) * row
            for vector in vectors
            for layer, row in zip(vector.layer_indices, vector.activations.array, strict=True)
        }
