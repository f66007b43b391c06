"""Whether steering has an effect is tried out once, and the person is told where it has none."""

from pathlib import Path

import pytest
from engines.collecting import events_of, failure_of, words
from engines.vllm.asking import DEFAULT, asked, opened, vector_file
from engines.vllm.box import EASY, LENS, Box, error_body
from engines.vllm.conftest import Open
from loopback import Call

from steer_tui.engines.directions.canary import CANARY_WARNING, GREEDY

SEA = {1: [3.0, 0, 0, 0, 0, 0, 0, 4.0]}


@pytest.mark.parametrize(("obeys", "warning"), [(True, None), (False, CANARY_WARNING)])
async def test_a_push_in_the_middle_of_the_model_tells(open_at: Open, obeys: bool, warning: str | None) -> None:
    box = Box(obeys=obeys)
    engine = await open_at(box, with_canary=True)
    await engine.prepare()
    assert engine.warning == warning
    tried = box.streamed()
    assert {body.max_tokens for body in tried} == {GREEDY.max_tokens}
    assert {tuple(body.pushes) for body in tried} == {(), (2,)}
    await engine.prepare()
    assert len(box.streamed()) == len(tried)


@pytest.mark.parametrize(("obeys", "warning"), [(True, None), (False, CANARY_WARNING)])
async def test_where_the_shape_is_not_known_an_opened_vector_tells(
    open_at: Open, tmp_path: Path, obeys: bool, warning: str | None
) -> None:
    box = Box(EASY, obeys=obeys)
    engine = await open_at(box, with_canary=True)
    await engine.prepare()
    assert (box.streamed(), engine.warning) == ([], None)
    sea = await opened(engine, vector_file(tmp_path, "sea", SEA))
    await events_of(engine, asked(lanes=DEFAULT))
    assert len(box.streamed()) == 1
    await events_of(engine, asked((sea, 1.0)))
    assert engine.warning == warning
    count = len(box.streamed())
    assert count > 3
    await events_of(engine, asked((sea, 2.0)))
    assert len(box.streamed()) == count + 1


async def test_a_trial_that_fails_leaves_it_to_the_generation_to_tell(open_at: Open, kind: str, tmp_path: Path) -> None:
    box = Box(kind)
    path = vector_file(tmp_path, "sea", SEA)
    engine = await open_at(box, (str(path),), with_canary=True)
    answers = box.server.routes["POST /v1/completions"]

    async def refuse_steering(call: Call) -> None:
        if call.json.get("steering") or "apply_steering_vectors" in call.json.get("vllm_xargs", {}):
            await call.answer_json(error_body("no steering today", 400), 400)
        else:
            await answers(call)

    box.server.routes["POST /v1/completions"] = refuse_steering
    await engine.prepare()
    assert engine.warning is None
    _, error = await failure_of(engine, asked((await opened(engine, path), 1.0)))
    assert "no steering today" in error.message


async def test_it_can_be_left_out(open_at: Open, kind: str, tmp_path: Path) -> None:
    box = Box(kind, obeys=False)
    engine = await open_at(box, (str(vector_file(tmp_path, "sea", SEA)),), with_canary=False)
    await engine.prepare()
    assert (box.streamed(), engine.warning) == ([], None)


async def test_a_server_that_came_back_the_same_is_not_tried_again(open_at: Open) -> None:
    box = Box(LENS)
    engine = await open_at(box, with_canary=True)
    await engine.prepare()
    answers = box.server.routes["POST /v1/completions"]
    box.server.routes["POST /v1/completions"] = Call.reset
    await failure_of(engine, asked(lanes=DEFAULT))
    box.server.routes["POST /v1/completions"] = answers
    count = len(box.server.calls)
    await engine.prepare()
    assert [call.path for call in box.server.calls[count:]] == ["/v1/models", "/v1/completions"]
    assert words(await events_of(engine, asked(lanes=DEFAULT))) == []
