"""Features that cannot be taken for what they are shown as: another model's, and those whose encoder is not read."""

from pathlib import Path

import numpy as np
import pytest
from engines.collecting import events_of, failure_of, words
from engines.interp.asking import DEFAULT, activations, asked, feature
from engines.interp.box import Box
from engines.interp.conftest import Open
from loopback import Call

from steer_tui.domain import Lane, Unsupported
from steer_tui.engines.directions.directions import Directions

pytestmark = pytest.mark.usefixtures("norms_are_known")


async def test_a_dial_of_the_model_that_a_server_had_before_is_to_be_added_anew(open_at: Open, vectors: Path) -> None:
    engine = await open_at(box := Box())
    calm = await feature(engine, vectors / "calm.npz")
    answers = box.server.routes["POST /v1/generate"]
    box.server.routes["POST /v1/generate"] = Call.reset
    await failure_of(engine, asked((calm, 1.0)))
    box.server.routes["POST /v1/generate"] = answers
    box.told["description"]["hf_model_id"] = "other/model"
    _, error = await failure_of(engine, asked((calm, 1.0)))
    assert "another model" in error.message
    assert words(await events_of(engine, asked((calm, 1.0), lanes=DEFAULT)), Lane.DEFAULT)
    anew = await feature(engine, vectors / "calm.npz")
    assert words(await events_of(engine, asked((anew, 1.0))))


async def test_a_feature_whose_encoder_is_not_read_has_no_activations(open_at: Open, vectors: Path) -> None:
    folder = vectors / "layer_1" / "width_2"
    with np.load(folder / "params.npz") as held:
        kept = {name: held[name] for name in ("W_dec", "b_dec")}
    np.savez(folder / "params.npz", **kept)
    engine = await open_at(Box())
    unread, calm = await feature(engine, f"{folder}#1"), await feature(engine, vectors / "calm.npz")
    events = await events_of(engine, asked((unread, 4.0), watched=(unread, calm)))
    assert [len(row) for row in activations(events).values()] == [1] * 4
    with pytest.raises(Unsupported, match="Its SAE has no encoder"):
        await engine.reread("the sea", [unread])


async def test_a_path_that_is_missing_is_told_beside_what_is_there(open_at: Open, vectors: Path) -> None:
    paths = (str(vectors / "gone.gguf"), str(vectors / "calm.npz"))
    engine = await open_at(Box(), directions=Directions(paths))
    assert [found.label for found in await engine.find_features("")] == ["calm"]
    assert "gone.gguf" in (engine.warning or "")
