"""The whole app over a real loopback server: both texts at once, Esc, and a warning where nothing steers."""

from pathlib import Path

from engines.vllm.asking import vector_file
from engines.vllm.box import Box
from stage import foot, laid_out, make_app, pane, until

from steer_tui.domain import Dial, Lane
from steer_tui.engines.directions.directions import Directions
from steer_tui.engines.vllm import VllmLens


async def test_both_texts_stream_at_once_and_esc_leaves_them(tmp_path: Path) -> None:
    box = Box()
    path = vector_file(tmp_path, "sea", {1: [3.0, 0, 0, 0, 0, 0, 0, 4.0]})
    async with box.server:
        engine = VllmLens(box.server.url, directions=Directions((str(path),)), with_canary=False)
        (sea,) = await engine.find_features("")
        app = make_app(engine, dials=(Dial(sea, 4.0),), auto=False)
        async with app.run_test(size=(120, 40)) as pilot:
            await laid_out(pilot)
            box.pause.clear()
            await pilot.press("enter")
            await until(pilot, lambda: pane(pilot).text == " the sea" and pane(pilot, Lane.DEFAULT).text == " a dog")
            await pilot.press("escape")
            await until(pilot, lambda: foot(pilot).startswith("cancelled"))
            await box.streaming(0)
            box.pause.set()
            await pilot.press("enter")
            await until(
                pilot, lambda: foot(pilot) == "done · 4 tokens" and foot(pilot, Lane.DEFAULT).startswith("done")
            )
            assert (pane(pilot).text, pane(pilot, Lane.DEFAULT).text) == (" the sea is deep", " a dog")
            await until(pilot, lambda: any(body.echo for body in box.read()))
