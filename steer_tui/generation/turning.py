"""Dials that act while a text runs: from the person's hand to the engine, without a restart."""

import asyncio
from collections.abc import Callable

from steer_tui.domain import GenerationRequest, Lane, SteerError, TimedOut
from steer_tui.engines import LiveDials
from steer_tui.generation.delivery import broken
from steer_tui.generation.flight import Flight
from steer_tui.generation.inputs import Inputs
from steer_tui.generation.phases import Streaming
from steer_tui.generation.state import GenerationState


async def turn_live(
    flight: Flight,
    engine: LiveDials,
    state: GenerationState,
    on_change: Callable[[], None],
    *,
    deadline: float | None = None,
) -> None:
    """Bring the dials that are wanted of a flight to the engine until it has them, and write down where they act.

    There is one turn at a time, and of those that come meanwhile only the newest is brought. One that fails leaves the
    stream as it was. One that comes as the stream is lost acts on the next attempt, which leaves with what is wanted.
    """
    lane = state.lanes[Lane.STEERED]
    while flight.wanted.vector != flight.inputs.vector and isinstance(lane.phase, Streaming):
        wanted, attempt, request = flight.wanted, flight.attempt, flight.request
        assert request is not None, "what streams has left"
        try:
            index = await _answer(engine, request, wanted, deadline)
            if index is None:
                return  # the text has ended, also where its last events have not been taken yet
            if flight.attempt == attempt and state.turn(Lane.STEERED, flight.run, index, wanted.vector):
                flight.inputs = wanted
        except SteerError as error:
            if flight.attempt == attempt and isinstance(lane.phase, Streaming):
                state.fail_turn(Lane.STEERED, error)
                if flight.wanted is wanted:
                    flight.wanted = flight.inputs
        on_change()


async def _answer(engine: LiveDials, request: GenerationRequest, wanted: Inputs, deadline: float | None) -> int | None:
    try:
        async with asyncio.timeout(deadline):
            return await engine.turn(request, wanted.vector, wanted.watched)
    except SteerError:
        raise
    except TimeoutError as error:
        raise TimedOut("The engine did not answer to a turned dial.") from error
    except Exception as fault:
        raise broken(fault) from fault
