"""EasySteer alone: its payload, the server's default steering, and its refusals."""

from pathlib import Path

import pytest
from engines.collecting import events_of, failure_of, words
from engines.vllm.asking import DEFAULT, asked, opened, vector_file
from engines.vllm.box import EASY, Box, error_body
from engines.vllm.conftest import Open
from loopback import Call

from steer_tui.domain import BOTH_LANES, Lane
from steer_tui.engines import Rereads
from steer_tui.engines.services import Captures

BOTH = {1: [1.0, 0, 0, 0, 0, 0, 0, 0], 11: [0, 1.0, 0, 0, 0, 0, 0, 0]}


async def test_all_layers_travel_as_one_payload(open_at: Open, tmp_path: Path) -> None:
    box = Box(EASY)
    engine = await open_at(box)
    both = await opened(engine, vector_file(tmp_path, "both", BOTH))
    await events_of(engine, asked((both, 3.0)))
    spec = box.streamed()[0].steering
    assert spec
    assert spec.conflict == "sequential"
    (vector,) = spec.vectors  # several would want a server that was started with --steer-multi-vector
    assert (vector.layers, sorted(vector.data.tensors)) == ([1, 11], ["layer.1", "layer.11"])
    assert (vector.apply.prompt, vector.apply.generation, vector.normalize) == ("all", "all", False)


@pytest.mark.parametrize("is_on", [True, False])
async def test_the_default_lane_forbids_what_the_server_does_by_default(
    open_at: Open, tmp_path: Path, is_on: bool
) -> None:
    box = Box(EASY, steers_by_default=is_on)
    engine = await open_at(box)
    both = await opened(engine, vector_file(tmp_path, "both", BOTH))
    await events_of(engine, asked((both, 3.0), lanes=BOTH_LANES))
    _, default = [call.json for call in box.server.calls if call.path == "/v1/completions"]
    assert default.get("steering", "not said") == (False if is_on else "not said")


async def test_another_vllm_is_refused_before_anything_is_generated(open_at: Open) -> None:
    box = Box(EASY)
    del box.server.routes["GET /v1/steering"]
    _, error = await failure_of(await open_at(box), asked(lanes=DEFAULT))
    assert (error.code, box.streamed()) == ("unsupported", [])
    assert "not EasySteer's" in error.message
    assert "--enable-steer-vector" in error.hint


async def test_no_dose_and_no_reading_are_claimed(open_at: Open, tmp_path: Path) -> None:
    engine = await open_at(Box(EASY))
    both = await opened(engine, vector_file(tmp_path, "both", BOTH))
    assert (both.unit, both.residual_norm) == (10.0, None)
    assert not isinstance(engine, Rereads | Captures)


@pytest.mark.parametrize(
    ("status", "words_told", "code", "says"),
    [
        (
            400,
            "direction payload 'layer.1' shape (8,) does not match model hidden size 4096; hidden dimensions must "
            "match exactly",
            "rejected",
            "A dial's vector has 8 numbers, and this model's residual stream 4,096.",
        ),
        (
            400,
            "Steering vector 0 targets unavailable hidden_states layers [11]",
            "rejected",
            "The model has no layer 11, where a dial acts.",
        ),
        (
            400,
            "Steering vector 0 targets no modules: hidden_states layers [11, 12]; available layers [0, 1]",
            "rejected",
            "The model has no layer 11, 12, where a dial acts.",
        ),
        (
            400,
            "steering algorithm(s) ['direct'] were not declared at launch (declared: ['loreft']).",
            "unsupported",
            "started without what steers",
        ),
        (400, "SteerVector is not enabled.", "unsupported", "started without what steers"),
        (400, "payload sha256 does not match its content", "rejected", "does not match its content"),
    ],
)
async def test_what_does_not_fit_is_told_in_a_sentence(
    open_at: Open, tmp_path: Path, status: int, words_told: str, code: str, says: str
) -> None:
    box = Box(EASY)
    engine = await open_at(box)
    both = await opened(engine, vector_file(tmp_path, "both", BOTH))

    async def refuse(call: Call) -> None:
        await call.answer_json(error_body(words_told, status), status)

    box.server.routes["POST /v1/completions"] = refuse
    _, error = await failure_of(engine, asked((both, 1.0)))
    assert error.code == code
    assert says in error.message


async def test_the_default_lane_stays_what_it_is(open_at: Open) -> None:
    events = await events_of(await open_at(Box(EASY)), asked(lanes=DEFAULT))
    assert words(events, Lane.DEFAULT) == [" a", " dog"]
