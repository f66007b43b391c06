"""A lane whose stream breaks is asked for again with the same seed, and goes on behind what is shown."""

from collections.abc import Sequence

import pytest
from engines.collecting import words
from engines.inference_server.asking import asked
from engines.inference_server.box import VLLM, Box, completion, frame
from engines.inference_server.conftest import Open
from loopback import Call

from steer_tui.domain import BOTH_LANES, Event, Lane, RewindEvent, SteerError, Truncated
from steer_tui.engines.inference_server import InferenceServer
from steer_tui.generation import Pause, deliver


async def delivered(engine: InferenceServer) -> tuple[list[Event], list[SteerError], list[Lane]]:
    """All that came of both lanes, why they were asked for again, and which came otherwise."""
    events: list[Event] = []
    losses: list[SteerError] = []
    different: list[Lane] = []

    async def pause(wait: Pause) -> None:
        losses.append(wait.error)

    await deliver(engine, asked(BOTH_LANES), events.append, pause, on_difference=different.append)
    return events, losses, different


def losing_once(box: Box, first: Sequence[str]) -> None:
    """The first steered stream breaks behind these texts; whatever follows is answered as ever."""
    answers = box.server.routes["POST /v1/steer/completion"]
    lost: list[Call] = []

    async def steer(call: Call) -> None:
        if lost or call.json["types"] != ["STEERED"]:
            await answers(call)
            return
        lost.append(call)
        await call.start()
        for text in first:
            await call.chunk(frame(completion("STEERED", text)))
        await call.cut()

    box.server.routes["POST /v1/steer/completion"] = steer


@pytest.mark.parametrize("capabilities", [None, VLLM], ids=["one slot", "parallel"])
async def test_no_token_comes_twice_and_none_is_lost(open_at: Open, capabilities: dict[str, object] | None) -> None:
    box = Box() if capabilities is None else Box(capabilities=capabilities)
    losing_once(box, [" the", " the sea"])
    events, losses, different = await delivered(await open_at(box))
    assert [type(loss) for loss in losses] == [Truncated]
    assert words(events) == [" the", " sea", " is", " deep"]
    assert words(events, Lane.DEFAULT) == [" a", " dog"]
    assert different == []
    assert not any(isinstance(event, RewindEvent) for event in events)
    steered = [body for body in box.steered() if body["types"] == ["STEERED"]]
    assert len(steered) == 2
    assert steered[0] == steered[1]


async def test_a_text_that_comes_otherwise_is_rewound_to_where_it_differs_and_that_is_told(open_at: Open) -> None:
    box = Box()
    losing_once(box, [" the", " the lake"])
    events, _, different = await delivered(await open_at(box))
    assert [event for event in events if isinstance(event, RewindEvent)] == [RewindEvent(Lane.STEERED, 1)]
    assert words(events) == [" the", " lake", " sea", " is", " deep"]
    assert different == [Lane.STEERED]
