"""A lane whose stream breaks is asked for again with the same seed, and goes on behind what is shown."""

from pathlib import Path

from engines.vllm.asking import asked, opened, vector_file
from engines.vllm.box import Box, frame, piece
from engines.vllm.conftest import Open
from loopback import Call

from steer_tui.domain import BOTH_LANES, Event, Lane, RewindEvent, SteerError, TokenEvent
from steer_tui.generation import Pause, deliver


async def test_a_lane_goes_on_though_its_deltas_were_cut_otherwise(open_at: Open, kind: str, tmp_path: Path) -> None:
    box = Box(kind)
    engine = await open_at(box)
    sea = await opened(engine, vector_file(tmp_path, "sea", {1: [3.0, 0, 0, 0, 0, 0, 0, 4.0]}))
    answers = box.server.routes["POST /v1/completions"]
    lost: list[Call] = []

    async def lose_once(call: Call) -> None:
        is_steered = "steering" in call.json or "apply_steering_vectors" in call.json.get("vllm_xargs", {})
        if lost or not is_steered:
            await answers(call)
            return
        lost.append(call)
        await call.start()
        await call.chunk(frame(piece(" the sea i")))
        await call.cut()

    box.server.routes["POST /v1/completions"] = lose_once
    events: list[Event] = []
    losses: list[SteerError] = []
    different: list[Lane] = []

    async def pause(wait: Pause) -> None:
        losses.append(wait.error)

    await deliver(engine, asked((sea, 4.0), lanes=BOTH_LANES), events.append, pause, on_difference=different.append)
    shown: dict[Lane, list[str]] = {lane: [] for lane in BOTH_LANES}
    for event in events:
        if isinstance(event, RewindEvent):
            del shown[event.lane][event.keep :]
        elif isinstance(event, TokenEvent):
            shown[event.lane].append(event.token)
    assert "".join(shown[Lane.STEERED]) == " the sea is deep"
    assert "".join(shown[Lane.DEFAULT]) == " a dog"
    assert ([error.code for error in losses], different) == (["truncated"], [])
