"""The whole app with a model of one's own: it starts the server, a dial comes from a file, both texts stream."""

import pytest

pytest.importorskip("interp_engine", reason="the extra `local` is not installed")

from local.asking import direction
from local.serving import PROCESSES, servers_of
from local.tiny_model import PROMPT, STORY
from stage import foot, laid_out, pane, rack, until

from steer_tui.cli.app import app_options
from steer_tui.cli.options import Flags
from steer_tui.cli.settings import read_settings
from steer_tui.domain import Lane
from steer_tui.tui.app import SteerApp

pytestmark = pytest.mark.local


async def test_both_texts_stream_from_a_server_that_the_app_starts_and_ends(
    model, save, tmp_path, monkeypatch, steer_here
):
    own_model = tmp_path / "own-model"
    own_model.symlink_to(model)
    push = save("push", layer_1=direction(1, 3.0))
    settings = read_settings(
        Flags(model=str(own_model), prompt=PROMPT, dials=(f"{push}=9",), raw=True, temperature=0.0, max_tokens=60)
    )
    engine = settings.open_engine()
    try:
        app = SteerApp(engine, await app_options(settings, engine))
        async with app.run_test(size=(120, 40)) as pilot:
            await laid_out(pilot)
            await until(pilot, lambda: bool(rack(pilot).rack.dials), seconds=60)
            await pilot.press("enter")
            await until(pilot, lambda: foot(pilot) == "done · 60 tokens")
            await until(pilot, lambda: foot(pilot, Lane.DEFAULT) == "done · 60 tokens")
            assert pane(pilot, Lane.DEFAULT).text.startswith(STORY)
            assert not pane(pilot).text.startswith(STORY)
            [dial] = rack(pilot).rack.dials
            assert dial.feature.label == "push"
            assert dial.coefficient == pytest.approx(9.0)
    finally:
        await engine.aclose()
    assert not (PROCESSES.exists() and servers_of(own_model))
