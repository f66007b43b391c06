import asyncio
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from engines.collecting import endings, events_of, words
from engines.interp.asking import DEFAULT, activations, asked, feature
from engines.interp.box import WIDTH, Box, Refused, described
from engines.interp.conftest import Open
from loopback import Call

from steer_tui.domain import ActivationEvent, DoneEvent, Lane, TokenEvent
from steer_tui.engines.interp import activations as lane
from steer_tui.engines.interp import capturing

pytestmark = pytest.mark.usefixtures("norms_are_known")

PROMPT_TOKENS = 3
"""Of "Once upon", the token that begins a text among them."""


def residual(token: int, layer: int = 1) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """That of a token of the text, with nothing added."""
    return np.array([PROMPT_TOKENS + token + 1, 1, layer, 0], float)


async def test_a_vector_is_read_as_its_projection_on_the_steered_run(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box())
    calm = await feature(engine, vectors / "calm.npz")
    unit, push = np.array([0, 0.6, 0.8, 0]), 4.0 * calm.unit
    events = await events_of(engine, asked((calm, 4.0), watched=(calm,), lanes=(Lane.STEERED, Lane.DEFAULT)))
    expected = {at: [round(float(residual(at) @ unit + push), 3)] for at in range(4)}
    assert activations(events) == expected
    assert activations(events, Lane.DEFAULT) == {at: [round(float(residual(at) @ unit), 3)] for at in range(2)}
    steered, default = box.bodies("/v1/project")
    assert steered["steering"] == box.bodies()[0]["steering"]
    assert default["steering"] is None


async def test_an_sae_feature_is_read_by_its_encoder_and_is_silent_below_its_threshold(
    open_at: Open, vectors: Path
) -> None:
    engine = await open_at(box := Box(default=[" a", " b"]))
    folder = vectors / "layer_1" / "width_2"
    first, second = await feature(engine, f"{folder}#0"), await feature(engine, f"{folder}#1")
    calm = await feature(engine, vectors / "calm.npz")
    both = await feature(engine, f"{vectors / 'both.npz'}@2")
    events = await events_of(engine, asked(lanes=DEFAULT, watched=(second, both, first, calm)))
    # The first fires at 0.5 above its place's first number, which is above its threshold of 3; the second at nothing.
    assert activations(events, Lane.DEFAULT) == {0: [0, 0, 4.5, 1.4], 1: [0, 0, 5.5, 1.4]}
    (body,) = box.bodies("/v1/project")
    assert [(one["point"], one["vectors"]["shape"]) for one in body["directions"]] == [
        ("resid_post.1", [3, 4]),
        ("resid_post.2", [1, 4]),
    ]
    assert {one["nonlinearity"] for one in body["directions"]} == {"none"}


async def test_where_one_thing_is_done_at_a_time_they_come_after_the_last_token_and_before_the_end(
    open_at: Open, vectors: Path
) -> None:
    engine = await open_at(box := Box())
    calm = await feature(engine, vectors / "calm.npz")
    events = await events_of(engine, asked((calm, 4.0), watched=(calm,)))
    kinds = [type(event) for event in events]
    assert kinds == [*[TokenEvent] * 4, *[ActivationEvent] * 4, DoneEvent]
    assert len(box.bodies("/v1/project")) == 1


async def test_where_several_are_they_come_while_the_text_grows(open_at: Open, vectors: Path) -> None:
    text = [f" {number}" for number in range(10)]
    box = Box(told=described(backend="vllm", limits={"max_concurrency": 4}), default=text, pause_at=8)
    engine = await open_at(box)
    calm = await feature(engine, vectors / "calm.npz")
    stream = engine.stream(asked(lanes=DEFAULT, watched=(calm,), max_tokens=10))
    events = [await anext(stream) for _ in range(7)]
    assert all(isinstance(event, TokenEvent) for event in events)
    await box.came["/v1/project"].wait()
    await asyncio.wait([task for task in asyncio.all_tasks() if "LaneActivations" in repr(task)])
    box.pause.set()  # only now, so that what has been read comes before the rest of the text
    rest = [event async for event in stream]
    assert sorted(activations([*events, *rest], Lane.DEFAULT)) == list(range(10))
    assert isinstance(rest[-1], DoneEvent)
    first = next(at for at, event in enumerate(rest) if isinstance(event, ActivationEvent))
    last = max(at for at, event in enumerate(rest) if isinstance(event, TokenEvent))
    assert first < last
    shown: set[int] = set()
    for event in [*events, *rest]:
        if isinstance(event, TokenEvent):
            shown.add(event.index)
        elif isinstance(event, ActivationEvent):
            assert event.token_index in shown


async def test_closing_the_stream_gives_up_what_is_read_beside_it(open_at: Open, vectors: Path) -> None:
    async def silent(call: Call) -> None:
        await call.silence()

    box = Box(
        told=described(backend="vllm", limits={"max_concurrency": 4}),
        default=[f" {number}" for number in range(9)],
        pause_at=8,
    )
    box.server.routes["POST /v1/project"] = box.guarded(silent)
    engine = await open_at(box)
    calm = await feature(engine, vectors / "calm.npz")
    stream = engine.stream(asked(lanes=DEFAULT, watched=(calm,), max_tokens=9))
    for _ in range(7):
        await anext(stream)
    await box.came["/v1/project"].wait()
    await stream.aclose()
    await box.asked("/v1/project")[0].gone.wait()


async def test_a_stop_text_frees_the_server_before_its_text_is_read(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box(default=[" a", " b", " c", " d"], pause_at=4))
    calm = await feature(engine, vectors / "calm.npz")
    events = await events_of(engine, asked(lanes=DEFAULT, watched=(calm,), stop=(" c",)))
    assert (words(events, Lane.DEFAULT), endings(events)) == ([" a", " b"], ["stop_sequence"])
    assert sorted(activations(events, Lane.DEFAULT)) == [0, 1]
    assert len(box.bodies("/v1/project")[0]["prompt_token_ids"]) == PROMPT_TOKENS + 2


@pytest.mark.parametrize("backend", ["eager", "vllm"])
async def test_a_reading_that_fails_is_logged_and_the_lane_goes_on(
    open_at: Open, vectors: Path, backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuses(call: Call) -> None:
        raise Refused(422, "resid_post is not served")

    box = Box(told=described(backend=backend, limits={"max_concurrency": 4}))
    box.server.routes["POST /v1/project"] = box.guarded(refuses)
    engine = await open_at(box)
    calm = await feature(engine, vectors / "calm.npz")
    with caplog.at_level(logging.WARNING, logger="steer_tui"):
        events = await events_of(engine, asked((calm, 4.0), watched=(calm,)))
    assert (len(words(events)), activations(events), endings(events)) == (4, {}, ["complete"])
    assert "resid_post is not served" in caplog.text
    assert len(box.asked("/v1/project")) == 1


@pytest.mark.parametrize("backend", ["eager", "vllm"])
async def test_a_reading_that_does_not_end_is_given_up_and_the_text_is_kept(
    open_at: Open, vectors: Path, backend: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lane, "REST_SECONDS", 0.05)
    box = Box(told=described(backend=backend, limits={"max_concurrency": 4}))
    box.server.routes["POST /v1/project"] = Call.silence
    engine = await open_at(box)
    calm = await feature(engine, vectors / "calm.npz")
    with caplog.at_level(logging.WARNING, logger="steer_tui"):
        events = await events_of(engine, asked((calm, 4.0), watched=(calm,)))
    assert (len(words(events)), activations(events), endings(events)) == (4, {}, ["complete"])
    assert "no more activations of the steered lane" in caplog.text
    await box.asked("/v1/project")[0].gone.wait()


async def test_a_text_with_no_room_left_is_read_no_further(open_at: Open, vectors: Path) -> None:
    room = 5
    limits = {"max_concurrency": 4, "max_prompt_tokens": PROMPT_TOKENS + room}
    box = Box(told=described(backend="vllm", limits=limits), default=[f" {number}" for number in range(40)])
    engine = await open_at(box)
    calm = await feature(engine, vectors / "calm.npz")
    events = await events_of(engine, asked(lanes=DEFAULT, watched=(calm,), max_tokens=40))
    assert sorted(activations(events, Lane.DEFAULT)) == list(range(room))
    lengths = [len(body["prompt_token_ids"]) for body in box.bodies("/v1/project")]
    assert lengths.count(PROMPT_TOKENS + room) == 1


async def test_a_text_longer_than_the_server_reads_is_read_as_far_as_it_does(
    open_at: Open, vectors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # its norms cannot be measured: they are longer too
    box = Box(told=described(limits={"max_prompt_tokens": PROMPT_TOKENS + 2}))
    engine = await open_at(box)
    calm = await feature(engine, vectors / "calm.npz")
    events = await events_of(engine, asked((calm, 4.0), watched=(calm,)))
    assert sorted(activations(events)) == [0, 1]


async def test_a_feature_that_is_not_open_is_left_out(open_at: Open, vectors: Path) -> None:
    engine, other = await open_at(Box()), await open_at(Box())
    calm = await feature(engine, vectors / "calm.npz")
    warm = await feature(other, vectors / "warm.npz")
    events = await events_of(engine, asked(lanes=DEFAULT, watched=(warm, calm)))
    assert all(len(row) == 1 for row in activations(events, Lane.DEFAULT).values())


async def test_a_re_read_is_of_the_model_left_alone_and_tells_no_log_probabilities(
    open_at: Open, vectors: Path
) -> None:
    engine = await open_at(box := Box())
    warm = await feature(engine, vectors / "warm.npz")
    reading = await engine.reread("the sea is", [warm])
    assert reading.tokens == ("the", " sea", " is")
    assert reading.activations == ((2.0,), (3.0,), (4.0,))
    assert reading.logprobs == (None, None, None)
    assert box.bodies("/v1/project")[0]["steering"] is None
    assert (await engine.reread("the sea", [])).activations == ((), ())
    assert (await engine.reread("", [warm])).tokens == ()
    assert engine.rereads_freely


async def test_a_text_too_long_to_re_read_is_told(open_at: Open) -> None:
    engine = await open_at(Box())
    with pytest.raises(Exception, match=r"The text has 251 tokens, and this server reads 200 at once."):
        await engine.reread("word " * 249, [])


async def test_a_residual_stream_is_read_beside_the_loop_and_some_layers_at_once(
    open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[threading.Thread] = []

    def loads(text: str | bytes, read: Callable[[str | bytes], object] = json.loads) -> object:
        value = read(text)
        if isinstance(value, dict) and "activations" in value:
            readers.append(threading.current_thread())
        return value

    monkeypatch.setattr(capturing, "ANSWER_NUMBERS_MAX", 2 * PROMPT_TOKENS * WIDTH)
    engine = await open_at(box := Box())
    with monkeypatch.context() as patch:
        patch.setattr("json.loads", loads)
        await engine.capture("the sea", [0, 1, 2], chat=False)
    assert [len(json.loads(call.body)["points"]) for call in box.asked("/v1/capture")] == [2, 1]
    assert len(readers) == 2
    assert threading.main_thread() not in readers


async def test_the_residual_stream_is_handed_out_in_as_many_requests_as_it_takes(open_at: Open) -> None:
    engine = await open_at(box := Box(told=described(limits={"max_capture_points": 2})))
    captured = await engine.capture("the sea", [0, 2, -1], chat=False)
    assert captured[2].tolist() == [[1, 1, 2, 0], [2, 1, 2, 0], [3, 1, 2, 0]]
    assert sorted(captured) == [-1, 0, 2]
    assert [body["points"] for body in box.bodies("/v1/capture")] == [["resid_post.0", "resid_post.2"], ["resid_pre.0"]]
    await engine.capture("the sea", [0], chat=True)
    assert "messages" in box.bodies("/v1/tokenize")[-1]
    with pytest.raises(Exception, match="the layers 0 to 2"):
        await engine.capture("the sea", [3], chat=False)
