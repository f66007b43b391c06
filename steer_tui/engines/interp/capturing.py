"""The residual stream itself, and from it the typical length that the unit of a dial is taken from."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import Malformed, Rejected, Unsupported
from steer_tui.engines.directions.residual_norms import SENTENCES, mean_norm
from steer_tui.engines.directions.tensors import decode
from steer_tui.engines.interp.answers import Captured, Described
from steer_tui.engines.interp.connection import Connection
from steer_tui.engines.interp.explaining import Failed, text_too_long
from steer_tui.engines.interp.points import reading_point
from steer_tui.engines.interp.prompts import Prompts
from steer_tui.wire import read_answer

ANSWER_NUMBERS_MAX = 2 * 1024 * 1024
"""Numbers that one answer may hold, so that it is read in a moment: as float32 they travel in about 11 MB."""


class Capturing:
    """Asks for the residual stream of texts, several layers at once."""

    def __init__(self, connection: Connection, prompts: Prompts) -> None:
        self._connection = connection
        self._prompts = prompts

    async def residuals(
        self, text: str, layers: Sequence[int], described: Described, *, chat: bool
    ) -> Mapping[int, NDArray[np.float32]]:
        """The output of each of these blocks, [tokens][width], without steering; the first token included."""
        model, limits = described.description, described.limits
        for layer in layers:
            described.shape.check_layer("What is read", layer)
        ids = (await self._prompts.tokens(text, described, chat=chat)).token_ids
        if len(ids) > limits.max_prompt_tokens:
            raise text_too_long(len(ids), limits.max_prompt_tokens)
        fitting = max(1, ANSWER_NUMBERS_MAX // (max(1, len(ids)) * model.d_model))
        count = min(fitting, limits.max_capture_points)
        found: dict[int, NDArray[np.float32]] = {}
        for first in range(0, len(layers), count):
            found |= await self._captured(ids, layers[first : first + count], model.d_model)
        return found

    async def norms(self, layers: Sequence[int], described: Described) -> Mapping[int, float]:
        """The mean norms at layers; raises `Unsupported` where the server does not hand out its residual stream."""
        found: dict[int, list[NDArray[np.float32]]] = {layer: [] for layer in layers}
        for text in SENTENCES:
            try:
                residuals = await self.residuals(text, layers, described, chat=False)
            except Failed:
                raise
            except Rejected as error:  # what is asked is right: this server would refuse it again
                raise Unsupported(error.message, hint=error.hint) from error
            for layer, residual in residuals.items():
                found[layer].append(residual)
        norms = {layer: mean_norm(residuals) for layer, residuals in found.items()}
        return {layer: norm for layer, norm in norms.items() if norm is not None}

    async def _captured(
        self, ids: Sequence[int], layers: Sequence[int], width: int
    ) -> Mapping[int, NDArray[np.float32]]:
        points = {layer: reading_point(layer) for layer in layers}
        body = {"prompt_token_ids": list(ids), "points": list(points.values()), "output_dtype": "float32"}
        answer = await self._connection.post("/v1/capture", body)
        return await asyncio.to_thread(_read, answer, points, (len(ids), width))


def _read(answer: Any, points: Mapping[int, str], shape: tuple[int, int]) -> Mapping[int, NDArray[np.float32]]:
    """The residual streams of an answer, each of this shape."""
    told = read_answer(Captured, answer).activations
    found: dict[int, NDArray[np.float32]] = {}
    for layer, point in points.items():
        sent = told.get(point)
        if sent is None or tuple(sent.shape) != shape:
            raise Malformed(f"The server did not send the residual stream at {point} for {shape[0]} tokens.")
        found[layer] = decode(sent.dtype, sent.shape, sent.data)
    return found
