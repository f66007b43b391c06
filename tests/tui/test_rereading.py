"""The app over a real loopback inference server: texts whose streams tell no activations are read once more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engines.inference_server.asking import DOG, SEA
from engines.inference_server.box import VLLM, Box
from loopback import Call
from stage import foot, generated, laid_out, main_screen, make_app, rack, until
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher

from steer_tui.domain import Dial
from steer_tui.engines.inference_server import InferenceServer

READ = "/v1/activation/single"


@asynccontextmanager
async def on_stage(box: Box) -> AsyncIterator[Pilot[None]]:
    """The app with two dials, the first of them on; a turned dial generates nothing by itself."""
    async with box.server:
        engine = InferenceServer(box.server.url)
        app = make_app(engine, prompt="Long ago", dials=(Dial(SEA, 4.0), Dial(DOG)), auto=False)
        async with app.run_test(size=(120, 40)) as pilot:
            await laid_out(pilot)
            yield pilot


def dials_foot(pilot: Pilot[None]) -> str:
    """The words at the foot of the rack's border."""
    return pilot.app.screen.query_one("#dials").border_subtitle or ""


def sparkline_of(pilot: Pilot[None], dial: int = 0) -> str:
    return "".join(segment.text for segment in rack(pilot).render_line(3 * dial))


def toasts(pilot: Pilot[None]) -> list[tuple[str, str]]:
    return [(toast.severity, toast.message) for toast in pilot.app._notifications]


async def test_a_finished_text_shows_its_activations_without_a_key_and_says_that_they_are_re_read() -> None:
    box = Box()
    async with on_stage(box) as pilot:
        await generated(pilot)
        await until(pilot, lambda: dials_foot(pilot) == "activations re-read, unsteered")
        assert "▁█▁▁" in sparkline_of(pilot)
        assert "▁█▁▁" in sparkline_of(pilot, 1)
        asked = [(call.json["prompt"], call.json["index"]) for call in box.asked(READ)]
        assert asked == [("Long ago the sea is deep", "7"), ("Long ago the sea is deep", "8")]
        assert toasts(pilot) == []


async def test_a_new_generation_ends_a_re_read_that_is_under_way_and_so_does_quitting() -> None:
    box = Box(capabilities=dict(VLLM))
    answers = box.server.routes[f"POST {READ}"]
    box.server.routes[f"POST {READ}"] = Call.silence
    async with on_stage(box) as pilot:
        await generated(pilot)
        await until(pilot, lambda: len(box.asked(READ)) == 1)
        assert dials_foot(pilot) == ""
        box.server.routes[f"POST {READ}"] = answers
        await pilot.press("enter")
        await asyncio.wait_for(box.asked(READ)[0].gone.wait(), 20)
        await until(pilot, lambda: dials_foot(pilot) == "activations re-read, unsteered")
        assert "▁█▁▁" in sparkline_of(pilot)
        assert "▁█▁▁" in sparkline_of(pilot, 1)
        assert len(box.asked(READ)) == 3
        assert toasts(pilot) == []
        box.server.routes[f"POST {READ}"] = Call.silence
        await pilot.press("enter")
        await until(pilot, lambda: len(box.asked(READ)) == 4)
        under_way = box.asked(READ)[3]
        assert not under_way.gone.is_set()
        await pilot.app.action_quit()
        await asyncio.wait_for(under_way.gone.wait(), 20)


async def test_a_re_read_that_fails_is_one_line_told_once_and_i_tells_the_rest() -> None:
    box = Box()

    async def refuse(call: Call) -> None:
        await call.answer_json({"error": "Text too long: 962 tokens, [b]max is 200"}, 400)

    box.server.routes[f"POST {READ}"] = refuse
    async with on_stage(box) as pilot:
        for _ in range(2):
            await generated(pilot)
            asked = len(box.asked(READ))
            assert foot(pilot) == "done · 4 tokens"
            assert pilot.app.screen.query_one("#bottom", ContentSwitcher).current == "status"
        await until(pilot, lambda: len(box.asked(READ)) >= 2)
        await until(pilot, lambda: bool(toasts(pilot)))
        words = f"Not re-read: {box.server.url} refused the request: Text too long: 962 tokens, [b]max is 200"
        assert toasts(pilot) == [("information", words)]
        rack(pilot).focus()
        await pilot.press("i")
        await until(pilot, lambda: len(toasts(pilot)) == 2)
        assert toasts(pilot)[1][0] == "error"
        assert len(box.asked(READ)) > asked
        assert foot(pilot) == "done · 4 tokens"


async def test_a_server_without_activations_is_not_asked_for_them() -> None:
    box = Box()
    box.capabilities["endpoints"] = {"steer_completion": True, "activation_single": False}
    async with on_stage(box) as pilot:
        await generated(pilot)
        await pilot.pause(0.2)
        assert main_screen(pilot).controller.can_reread
        assert box.asked(READ) == []
        assert toasts(pilot) == []
