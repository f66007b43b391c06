"""What goes wrong on a real server is told, and the next text comes all the same."""

import asyncio
import os
import signal
import time
from contextlib import aclosing, suppress

import numpy as np
import pytest

pytest.importorskip("interp_engine", reason="the extra `local` is not installed")

from local.asking import DEFAULT, asked, direction, events_of, feature_of, text_of, turned
from local.serving import PROCESSES, is_keeper, servers_of
from local.tiny_model import LAYERS, PROMPT, STORY, WIDTH
from pydantic import SecretStr

from steer_tui.domain import Lane, Sampling, SteerError, Unauthorized, Unreachable
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.interp import Interp
from steer_tui.engines.interp.serving.managed import TELLING_SECONDS, Managed
from steer_tui.generation import Controller, Deadlines, Done, Failed, Inputs

pytestmark = pytest.mark.local


async def test_a_text_that_is_cancelled_frees_the_server_within_a_second(connect):
    engine = connect()
    await engine.prepare()
    async with aclosing(engine.stream(asked(lanes=DEFAULT, max_tokens=2000))) as stream:
        for _ in range(5):
            await anext(stream)
    began = time.monotonic()
    assert await text_of(engine, asked(lanes=DEFAULT, max_tokens=1)) == " snow"
    assert time.monotonic() - began < 1.0


async def test_another_token_is_refused(connect):
    with pytest.raises(Unauthorized):
        await events_of(connect(key=SecretStr("another")), asked(lanes=DEFAULT))


@pytest.mark.parametrize("layer", [LAYERS, 99])
async def test_a_layer_that_the_model_does_not_have_is_told_with_those_that_it_has(connect, save, layer):
    with pytest.raises(SteerError, match=rf"layer {layer}\b.*0 to {LAYERS - 1}\b"):
        await feature_of(connect(layer=layer), save("push", vector=direction(1)))


async def test_a_vector_for_another_model_is_told_with_both_widths(connect, save):
    with pytest.raises(SteerError, match=rf"\b{WIDTH + 1}\b.*\b{WIDTH}\b"):
        await feature_of(connect(), save("push", layer_1=np.ones(WIDTH + 1, np.float32)))


async def until(holds, seconds=60.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.01)


@pytest.mark.skipif(not PROCESSES.exists(), reason="looks for processes in /proc")
async def test_a_server_that_is_killed_leaves_its_text_and_the_next_generation_starts_another(model, tmp_path, save):
    own_model = tmp_path / "own-model"
    own_model.symlink_to(model)
    server = Managed(str(own_model))
    engine = Interp(server, directions=Directions(), with_canary=False, tokenizer=own_model)
    async with aclosing(engine):
        dial = turned(await feature_of(engine, save("push", layer_1=direction(1))), 0.5)
        long = Inputs(PROMPT, Sampling(temperature=0.0, max_tokens=1500), (dial,))
        controller = Controller(
            engine, long, auto=False, deadlines=Deadlines(None, None, None), sleep=lambda _: asyncio.sleep(0.5)
        )
        running = asyncio.create_task(controller.run())
        await asyncio.sleep(0)
        lane = controller.state.lanes[Lane.STEERED]
        controller.generate()
        await until(lambda: lane.current_index >= 40)
        first = servers_of(own_model)
        os.kill(next(process for process in first if not is_keeper(process)), signal.SIGKILL)
        await until(lambda: isinstance(lane.phase, Failed))
        assert isinstance(lane.error, Unreachable)
        assert "was killed" in lane.error.message
        assert lane.text.startswith(STORY)
        await asyncio.sleep(TELLING_SECONDS)  # a person reads what has happened, and presses a key then
        controller.change(Inputs(PROMPT, Sampling(temperature=0.0, max_tokens=5), (dial,)))
        controller.generate()
        await until(lambda: isinstance(lane.phase, Done | Failed))
        assert isinstance(lane.phase, Done), lane.error
        assert not first & servers_of(own_model)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert not servers_of(own_model)
