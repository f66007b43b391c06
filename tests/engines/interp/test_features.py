import asyncio
from pathlib import Path

import numpy as np
import pytest
from engines.collecting import events_of, failure_of, words
from engines.interp.asking import DEFAULT, STEERED, asked, feature
from engines.interp.box import Box, Refused, described
from engines.interp.conftest import Open

from steer_tui.domain import FeatureKind, Lane, SteerError
from steer_tui.engines import Controls, Prepares, Rereads
from steer_tui.engines.directions.canary import CANARY_WARNING
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.directions.residual_norms import SENTENCES
from steer_tui.engines.interp.characters import SPACELESS_WARNING
from steer_tui.engines.lookup import resolve_feature
from steer_tui.engines.services import Captures, Diagnoses, Loads, RereadsFreely, Warns

norms_are_known = pytest.mark.usefixtures("norms_are_known")


async def test_a_notch_is_a_share_of_the_mean_length_of_the_residual_stream(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box())
    calm = await feature(engine, vectors / "calm.npz")
    lengths = []
    for text in SENTENCES:
        count = len(text.split())
        lengths += [np.sqrt((at + 1) ** 2 + 1 + 1) for at in range(1, count + 1)]  # the first token left out
    assert calm.residual_norm == pytest.approx(float(np.mean(lengths)), rel=0.02)
    assert calm.unit == pytest.approx(0.04 * (calm.residual_norm or 0))
    assert {tuple(body["points"]) for body in box.bodies("/v1/capture")} == {("resid_post.1",)}


async def test_a_norm_is_measured_once_for_a_model(open_at: Open, vectors: Path) -> None:
    first, second = Box(), Box()
    calm = await feature(await open_at(first), vectors / "calm.npz")
    assert (await feature(await open_at(second), vectors / "calm.npz")).unit == calm.unit
    assert len(first.asked("/v1/capture")) == len(SENTENCES)
    assert not second.asked("/v1/capture")


async def test_a_file_for_several_layers_is_measured_in_one_go(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box())
    await feature(engine, vectors / "both.npz")
    assert {tuple(sorted(body["points"])) for body in box.bodies("/v1/capture")} == {("resid_post.0", "resid_post.2")}


async def test_a_server_that_keeps_its_residual_stream_to_itself_leaves_a_unit_of_ten(
    open_at: Open, vectors: Path
) -> None:
    async def refuses(_: object) -> None:
        raise Refused(422, "resid_post is not served")

    box = Box()
    box.server.routes["POST /v1/capture"] = box.guarded(refuses)
    calm = await feature(await open_at(box), vectors / "calm.npz")
    assert (calm.unit, calm.residual_norm) == (10.0, None)


@pytest.mark.parametrize(("status", "is_made_anew"), [(500, True), (422, False)])
async def test_a_measurement_that_failed_is_made_anew_and_one_that_was_refused_is_not(
    open_at: Open, vectors: Path, status: int, is_made_anew: bool
) -> None:
    engine = await open_at(box := Box(problems={"/v1/capture": Refused(status, "resid_post is not served")}))
    assert (await feature(engine, vectors / "calm.npz")).unit == 10.0
    box.problems.clear()
    again = await feature(engine, vectors / "calm.npz")
    assert (again.residual_norm is not None) == is_made_anew
    assert len(box.asked("/v1/capture")) == 1 + is_made_anew * len(SENTENCES)


async def test_a_measurement_goes_on_where_who_asked_is_gone_and_ends_with_the_engine(
    open_at: Open, vectors: Path
) -> None:
    engine = await open_at(box := Box(hold="/v1/capture"))
    first = asyncio.create_task(engine.find_features(str(vectors / "calm.npz")))
    await box.came["/v1/capture"].wait()
    first.cancel()
    await asyncio.wait([first])
    again = asyncio.create_task(engine.find_features(str(vectors / "calm.npz")))
    box.pause.set()
    (calm,) = await again
    assert calm.residual_norm is not None
    assert len(box.asked("/v1/capture")) == len(SENTENCES)
    box.pause.clear()
    box.came.clear()
    third = asyncio.create_task(engine.find_features(str(vectors / "both.npz")))
    await box.came["/v1/capture"].wait()
    await engine.aclose()
    with pytest.raises(SteerError, match="closed"):
        await third
    await box.asked("/v1/capture")[-1].gone.wait()


async def test_the_norms_of_a_folder_are_those_of_the_weights_that_are_in_it(
    open_at: Open, vectors: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    captures = []
    for weights in (b"first", b"first", b"the second ones"):
        if not captures or weights != b"first":
            (model / "model.safetensors").write_bytes(weights)
        box = Box()
        box.told["description"]["hf_model_id"] = str(model)
        await feature(await open_at(box), vectors / "calm.npz")
        captures.append(len(box.asked("/v1/capture")))
    assert captures == [len(SENTENCES), 0, len(SENTENCES)]


async def test_a_vector_for_another_width_is_told(open_at: Open, vectors: Path) -> None:
    engine = await open_at(Box())
    with pytest.raises(SteerError, match="wide"):
        await engine.find_features(str(vectors / "wide.npz"))


@norms_are_known
async def test_what_is_offered_is_found_without_a_name_and_by_its_label(open_at: Open, vectors: Path) -> None:
    paths = (str(vectors / "calm.npz"), str(vectors / "warm.npz"))
    engine = await open_at(Box(), directions=Directions(paths))
    assert [found.label for found in await engine.find_features("")] == ["calm", "warm"]
    assert (await resolve_feature(engine, "warm")).kind is FeatureKind.VECTOR


@norms_are_known
async def test_a_random_direction_steers_where_its_like_does(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box())
    calm = await feature(engine, vectors / "calm.npz")
    random = engine.random_direction(calm, 3)
    assert (random.unit, random.kind) == (calm.unit, FeatureKind.RANDOM)
    await events_of(engine, asked((random, 2.0)))
    assert list(box.bodies()[0]["steering"][0]["layers"]) == ["1"]


@norms_are_known
async def test_steering_is_tried_out_once_after_connecting(open_at: Open) -> None:
    engine = await open_at(box := Box(), with_canary=True)
    await engine.prepare()
    assert engine.warning is None
    tried = len(box.bodies())
    assert {body["temperature"] for body in box.bodies()} == {0.0}
    assert {body["steering"] is None for body in box.bodies()} == {False, True}
    await events_of(engine, asked(lanes=DEFAULT))
    assert len(box.bodies()) == tried + 1


@norms_are_known
async def test_steering_without_effect_is_warned_of(open_at: Open) -> None:
    engine = await open_at(Box(has_effect=False), with_canary=True)
    assert engine.warning is None
    await engine.prepare()
    assert engine.warning == CANARY_WARNING


@norms_are_known
async def test_another_server_at_the_same_place_is_tried_out_anew(open_at: Open) -> None:
    engine = await open_at(box := Box(has_effect=False), with_canary=True)
    await engine.prepare()
    box.cut_after = 1
    await failure_of(engine, asked(lanes=DEFAULT))
    box.cut_after, box.has_effect, box.told = None, True, described(has_chat_template=False)
    await engine.prepare()
    assert engine.warning is None


@norms_are_known
async def test_a_trial_that_fails_does_not_keep_anybody_from_generating(open_at: Open, vectors: Path) -> None:
    box = Box()
    engine = await open_at(box, with_canary=True)
    calm = await feature(engine, vectors / "calm.npz")
    box.told["limits"]["max_new_tokens"] = 4
    assert words(await events_of(engine, asked((calm, 4.0), max_tokens=2))) == [" the", " sea"]
    assert engine.warning is None


@pytest.mark.parametrize("lanes", [DEFAULT, STEERED])
async def test_a_lane_that_nothing_steers_waits_for_no_trial(open_at: Open, lanes: tuple[Lane, ...]) -> None:
    engine = await open_at(box := Box(hold="/v1/capture"), with_canary=True)
    assert words(await events_of(engine, asked(lanes=lanes)), lanes[0]) == [" a", " dog"]
    assert not box.asked("/v1/capture")


@norms_are_known
async def test_a_trial_goes_on_where_the_lane_that_began_it_is_replaced(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box(), with_canary=True)
    calm = await feature(engine, vectors / "calm.npz")
    box.hold = "/v1/generate"
    for value in (1.0, 2.0, 3.0):
        lane = asyncio.create_task(events_of(engine, asked((calm, value))))
        await box.came["/v1/generate"].wait()
        lane.cancel()
        await asyncio.wait([lane])
    box.pause.set()
    assert words(await events_of(engine, asked((calm, 4.0)))) == [" the", " sea", " is", " deep"]
    steered = [body["steering"] is not None for body in box.bodies()]
    assert steered == [False, True, True]  # the trial's two texts, and the lane's


async def test_a_trial_under_way_ends_with_the_engine(open_at: Open) -> None:
    engine = await open_at(box := Box(hold="/v1/generate"), with_canary=True)
    preparing = asyncio.create_task(engine.prepare())
    await box.came["/v1/generate"].wait()
    await engine.aclose()
    with pytest.raises(SteerError, match="closed"):
        await preparing
    await box.asked("/v1/generate")[0].gone.wait()


async def test_words_without_their_spaces_are_warned_of(open_at: Open) -> None:
    async def cut_short(call: object) -> None:
        text = call.json["text"]  # type: ignore[attr-defined]
        names = ["<s>", *text.split()]
        ids = list(range(len(names)))
        await call.answer_json({"token_ids": ids, "str_tokens": names, "spans": None})  # type: ignore[attr-defined]

    box = Box()
    box.server.routes["POST /v1/tokenize"] = cut_short  # type: ignore[assignment]
    engine = await open_at(box)
    await engine.prepare()
    assert engine.warning == SPACELESS_WARNING


async def test_two_who_ask_at_once_meet_the_server_once(open_at: Open) -> None:
    engine = await open_at(box := Box())
    await asyncio.gather(engine.prepare(), engine.prepare(), events_of(engine, asked(lanes=DEFAULT)))
    assert len(box.asked("/v1/describe")) == 1


async def test_another_model_than_was_asked_for_is_told(open_at: Open) -> None:
    engine = await open_at(Box(), model="gemma-2-2b")
    _, error = await failure_of(engine, asked(lanes=DEFAULT))
    assert (error.code, "gemma-2-2b is set" in error.message) == ("not_found", True)
    assert engine.info.model == "tiny/three-layers"
    same = await open_at(Box(), model="three-layers")
    await same.prepare()


async def test_the_engine_is_what_the_app_looks_for(open_at: Open) -> None:
    engine = await open_at(Box())
    for protocol in (Prepares, Rereads, RereadsFreely, Controls, Diagnoses, Loads, Warns, Captures):
        assert isinstance(engine, protocol)
    assert engine.info.quota is None
    assert engine.loading is None
