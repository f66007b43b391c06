"""The whole app over a real loopback server with one slot: Esc, the next text all the same, and one that breaks."""

from engines.inference_server.asking import SEA
from engines.inference_server.box import Box, completion, frame
from fake_time import FakeTime
from loopback import Call
from stage import foot, laid_out, make_app, pane, until
from textual.widgets import ContentSwitcher

from steer_tui.domain import Dial, Lane
from steer_tui.engines.inference_server import InferenceServer

DIALS = (Dial(SEA, 4.0),)


async def test_esc_frees_the_slot_for_the_next_text_and_a_lane_that_breaks_goes_on_behind_what_is_shown() -> None:
    box, fake, lost = Box(looks_to_free=2), FakeTime(), []
    answers = box.server.routes["POST /v1/steer/completion"]

    async def lose_once(call: Call) -> None:
        if lost or call.json["types"] != ["STEERED"]:
            await answers(call)
            return
        lost.append(call)
        await call.start()
        await call.chunk(frame(completion("STEERED", " the")))
        await call.cut()

    box.pause.clear()
    async with box.server:
        app = make_app(InferenceServer(box.server.url), fake, dials=DIALS, auto=False)
        async with app.run_test(size=(120, 40)) as pilot:
            await laid_out(pilot)
            await pilot.press("enter")
            await until(pilot, lambda: pane(pilot).text == " the sea")
            await pilot.press("escape")
            await until(pilot, lambda: foot(pilot).startswith("cancelled"))
            assert pane(pilot).text == " the sea"
            await box.asked("/v1/steer/completion")[0].gone.wait()
            box.pause.set()
            await pilot.press("enter")
            await until(
                pilot, lambda: foot(pilot) == "done · 4 tokens" and foot(pilot, Lane.DEFAULT).startswith("done")
            )
            assert (pane(pilot).text, pane(pilot, Lane.DEFAULT).text) == (" the sea is deep", " a dog")
            assert len(box.asked("/health")) == 2

            box.server.routes["POST /v1/steer/completion"] = lose_once
            await pilot.press("enter")
            bottom = pilot.app.screen.query_one("#bottom", ContentSwitcher)
            await until(pilot, lambda: bottom.current == "countdown" and pane(pilot).text == " the")
            await fake.advance(2.0)
            await until(pilot, lambda: foot(pilot) == "done · 4 tokens")
            assert pane(pilot).text == " the sea is deep"
            await until(pilot, lambda: pane(pilot, Lane.DEFAULT).text == " a dog")
