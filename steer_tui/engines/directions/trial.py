"""Whether steering has an effect on a server, tried out once for each that is met."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import TypeAlias

from steer_tui.domain import Feature, SteerError, TimedOut
from steer_tui.engines.directions.canary import CANARY_WARNING, Stream, steering_has_effect
from steer_tui.engines.directions.directions import Directions, NormAt
from steer_tui.engines.directions.model_shape import ModelShape
from steer_tui.engines.lasting import Lasting

FindFeatures: TypeAlias = Callable[[], Awaitable[Sequence[Feature]]]
"""Gives what a server is tried out with, or nothing where there is nothing yet."""

_SEEDS = (1, 2)

_log = logging.getLogger(__name__)


class Trial:
    """Pushes along a few features, and keeps what came of it."""

    def __init__(self) -> None:
        self._trials = Lasting[None]()
        self._turn = asyncio.Lock()
        self._tried: Hashable = None
        self.warning: str | None = None
        """That steering has no effect, where it was seen to have none."""

    async def run(self, server: Hashable, find_features: FindFeatures, stream: Stream) -> None:
        """Try out the server, by what it is known by, where it has not been.

        It goes on where this is cancelled, and the next to ask joins it: who turns dials fast would never see its end.
        A trial that fails says nothing, and the next request does; one that takes too long is not made again.
        """
        if self._tried == server:
            return
        try:
            await self._trials.result(server, partial(self._try_out, server, find_features, stream))
        except TimedOut as error:
            _log.warning("whether steering has an effect was not seen in time: %s", error.message)
            self._tried = server

    async def aclose(self) -> None:
        """End a trial that is under way."""
        await self._trials.aclose()

    async def _try_out(self, server: Hashable, find_features: FindFeatures, stream: Stream) -> None:
        async with self._turn:
            if self._tried == server:
                return
            self.warning = None
            try:
                features = await find_features()
                has_effect = not features or await steering_has_effect(stream, features)
            except SteerError as error:
                _log.warning("whether steering has an effect could not be tried out: %s", error.message)
                if not error.passing:
                    self._tried = server
                return
            self._tried = server if features else None
            self.warning = None if has_effect else CANARY_WARNING


async def trial_features(directions: Directions, shape: ModelShape, norm_at: NormAt) -> Sequence[Feature]:
    """Two random directions in the model's middle, or where its shape is not known, what the person has opened."""
    if shape.width is None or shape.layers is None:
        return await directions.find("", shape, norm_at, len(_SEEDS))
    return [await directions.random_at(shape.layers // 2, seed, shape, norm_at) for seed in _SEEDS]
