"""How strongly the watched features fire on each token of a lane: read on the lane's own text, steered as it was."""

import asyncio
import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import ActivationEvent, Feature, FeatureActivation, GenerationRequest, Lane, SteerError
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.interp.answers import Described
from steer_tui.engines.interp.connection import Connection
from steer_tui.engines.interp.projection import Projection
from steer_tui.engines.interp.steering import SteeringBody

REST_SECONDS = 20.0
"""For all that is read after a lane's last token: a text that stands must not be lost to its activations."""

_log = logging.getLogger(__name__)


def lane_activations(
    connection: Connection,
    request: GenerationRequest,
    lane: Lane,
    prompt: Sequence[int],
    directions: Directions,
    described: Described,
) -> "LaneActivations | None":
    """What reads the watched features on a lane, or None where none of them can be read."""
    readable: list[Feature] = []
    for feature in request.watched:
        try:
            Projection(connection, [feature], directions).check(described.shape)
        except SteerError as error:
            _log.warning("no activations of %s: %s", feature.id, error.message)
        else:
            readable.append(feature)
    if not readable:
        return None
    projection = Projection(connection, readable, directions)
    return LaneActivations(projection, readable, lane, prompt, described.limits.max_prompt_tokens)


class LaneActivations:
    """One lane's activations, read while its text grows or after it.

    One reading is under way at a time, and the next begins with all that has come meanwhile. One that fails is the
    last, and the lane goes on. What is longer than the server reads at once is read as far as it does.
    """

    def __init__(
        self, projection: Projection, features: Sequence[Feature], lane: Lane, prompt: Sequence[int], tokens_max: int
    ) -> None:
        self._projection = projection
        self._features = tuple(features)
        self._lane = lane
        self._prompt = tuple(prompt)
        self._readable = max(0, tokens_max - len(self._prompt))  # how many of the text's tokens can be read
        self._told = 0  # tokens whose activations have been told
        self._has_failed = False
        self._reading: asyncio.Task[list[ActivationEvent]] | None = None

    def live(self, shown: Sequence[int], steering: SteeringBody, step: int) -> list[ActivationEvent]:
        """What has been read meanwhile; a further reading begins once there are `step` tokens more."""
        events: list[ActivationEvent] = []
        if self._reading is not None and self._reading.done():
            events, self._reading = self._reading.result(), None
        if self._reading is None and self._missing(shown) >= step:
            self._reading = asyncio.create_task(self._read(tuple(shown), steering))
        return events

    async def rest(self, shown: Sequence[int], steering: SteeringBody) -> list[ActivationEvent]:
        """All that has not been told, at the lane's end; what takes longer than `REST_SECONDS` is left out."""
        events: list[ActivationEvent] = []
        try:
            async with asyncio.timeout(REST_SECONDS):
                if self._reading is not None:
                    events += await self._reading
                if self._missing(shown) > 0:
                    events += await self._read(tuple(shown), steering)
        except TimeoutError:
            _log.warning("no more activations of the %s lane: not within %g s", self._lane.value, REST_SECONDS)
        return events

    async def aclose(self) -> None:
        """Give up what is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    def _missing(self, shown: Sequence[int]) -> int:
        """How many tokens can be read whose activations have not been told."""
        return 0 if self._has_failed else min(len(shown), self._readable) - self._told

    async def _read(self, shown: tuple[int, ...], steering: SteeringBody) -> list[ActivationEvent]:
        text = shown[: self._readable]  # what comes later has no part in what is read before it
        try:
            rows = await self._projection.read((*self._prompt, *text), steering)
        except SteerError as error:
            _log.warning("no activations of the %s lane: %s", self._lane.value, error.message)
            self._has_failed = True
            return []
        first, self._told = self._told, len(text)
        return [self._event(index, rows[len(self._prompt) + index]) for index in range(first, len(text))]

    def _event(self, index: int, row: NDArray[np.float32]) -> ActivationEvent:
        pairs = zip(self._features, row.tolist(), strict=True)
        told = tuple(FeatureActivation(feature.id, feature.label, value) for feature, value in pairs)
        return ActivationEvent(index, self._lane, told)
