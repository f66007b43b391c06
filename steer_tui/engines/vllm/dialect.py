"""What differs between two kinds of vLLM server that can be steered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from steer_tui.domain import SteerError
from steer_tui.engines.vllm.connection import Connection
from steer_tui.wire import JsonObject

Pushes = Mapping[int, NDArray[np.float32]]
"""What is added to the output of each block, by its number from 0."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a server tells of its model and of itself."""

    width: int | None = None
    layers: int | None = None
    unsteered: JsonObject = field(default_factory=dict)
    """What a request that must not be steered has to say; mostly nothing."""
    warning: str | None = None
    """What the person has to know, or None."""


class Dialect(Protocol):
    """How one kind of server is asked."""

    @property
    def name(self) -> str:
        """The engine's name."""
        ...

    def steering(self, pushes: Pushes) -> JsonObject:
        """The fields of a request that steer it."""
        ...

    async def learn(self, connection: Connection, model: str) -> Learned:
        """What the server tells, asked once a model; raises Unsupported for a server of another kind."""
        ...

    async def problem(self, connection: Connection) -> SteerError | None:
        """What keeps the server from being steered, found out without generating, or None."""
        ...

    async def measure(self, connection: Connection, model: str, layers: Sequence[int]) -> Mapping[int, float]:
        """The mean residual norms at layers; one that cannot be measured is left out."""
        ...
