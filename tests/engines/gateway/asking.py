"""What the tests ask of a gateway, and what they read of its answers."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from scripted_engine import FEATURES

from steer_tui.domain import (
    BOTH_LANES,
    ActivationEvent,
    Dial,
    Event,
    GenerationRequest,
    Lane,
    Sampling,
    SteerError,
    SteeringVector,
    TokenEvent,
)
from steer_tui.engines import Engine
from steer_tui.generation import Pause, deliver
from steer_tui.generation.state import GenerationState

WINTER = FEATURES[0]


def asked(
    lanes: tuple[Lane, ...] = BOTH_LANES, *, value: float = 4.0, watching: bool = True, **sampling: object
) -> GenerationRequest:
    """One dial, and two features that are watched."""
    vector = SteeringVector.of((Dial(WINTER, value),))
    settings = replace(Sampling(max_tokens=8), **sampling)  # type: ignore[arg-type]
    return GenerationRequest("Once upon", settings, vector, lanes, FEATURES[:2] if watching else ())


class Delivered:
    """A request brought home as the app brings it home, but without waiting between its attempts."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.losses: list[SteerError] = []
        self.different: list[Lane] = []

    async def bring(self, engine: Engine, request: GenerationRequest) -> "Delivered":
        async def pause(wait: Pause) -> None:
            self.losses.append(wait.error)

        await deliver(engine, request, self.events.append, pause, on_difference=self.different.append)
        return self

    @property
    def transcript(self) -> dict[Lane, tuple[list[str], dict[str, list[float]], object]]:
        """What the screen would hold of each lane in the end; raises where an event cannot be."""
        state = GenerationState()
        for lane in Lane:
            state.start(lane, 1, ("", Sampling(), SteeringVector(), False), 0.0, None)
        for event in self.events:
            state.apply(event, 1, 0.0)
        return {
            lane: (
                list(one.transcript.tokens),
                {id: list(values) for id, values in one.transcript.activations.items()},
                one.phase,
            )
            for lane, one in state.lanes.items()
        }

    @property
    def came_once(self) -> bool:
        """Whether no token and no activation came twice."""
        came = [
            (type(event), event.lane, event.index if isinstance(event, TokenEvent) else event.token_index)
            for event in self.events
            if isinstance(event, TokenEvent | ActivationEvent)
        ]
        return len(came) == len(set(came))


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, or fail."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # what is waited for is the server's, or the engine's behind it
            await asyncio.sleep(0.01)
