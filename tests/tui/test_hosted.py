"""The app over a real loopback Neuronpedia: both texts, its limits, its quota, and what it makes public."""

import asyncio
import json
from pathlib import Path

import pytest
from cli.service import BRIDGE, MODEL, limited, routes, row
from fake_time import FakeTime
from hosted_stage import BRIDGES, LINK, figures, notice, on_stage, steers
from loopback import Call, Handler, Loopback
from scripted_engine import ScriptedEngine
from stage import foot, generated, laid_out, main_screen, make_app, pane, rack, until
from textual import events
from textual.widgets import Input, Static

from steer_tui.domain import Dial, Lane
from steer_tui.engines.neuronpedia import HostedNeuronpedia
from steer_tui.tui.screens.features import FeaturesScreen
from steer_tui.tui.screens.main import DRAWN_SEEDS
from steer_tui.tui.widgets.feature_details import FeatureDetails
from steer_tui.tui.widgets.masthead import Masthead
from steer_tui.tui.widgets.notices import RemainingTime
from steer_tui.tui.widgets.publication import PublicationNote
from steer_tui.tui.widgets.status import AutoSwitch

SMALL = (80, 24)


def frame(steered: str, default: str) -> bytes:
    return f"data: {json.dumps({'STEERED': steered, 'DEFAULT': default, 'id': None, 'limit': '231'})}\n\n".encode()


async def test_one_request_makes_both_texts_and_the_status_tells_what_is_left_and_where_it_can_be_read(
    tmp_path: Path,
) -> None:
    async with on_stage(tmp_path) as (server, pilot):
        assert figures(pilot) == "● ready   240 left"
        await generated(pilot)
        assert (pane(pilot).text, pane(pilot, Lane.DEFAULT).text) == (" the Golden Gate", " a tower.")
        assert len(steers(server)) == 1
        await until(pilot, lambda: "231 left" in figures(pilot) and LINK.removeprefix("https://") in figures(pilot))
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "· c copies link" in figures(pilot) and "neuronpedia.org" not in figures(pilot))
        await pilot.press("tab", "c")
        await until(pilot, lambda: pilot.app.clipboard == LINK)


async def test_where_calls_are_counted_nothing_leaves_by_itself_and_what_becomes_public_is_told_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.randrange", lambda end: end - 1)
    async with on_stage(tmp_path, size=SMALL) as (server, pilot):
        assert pilot.app.screen.query_one(AutoSwitch).position is False
        told = pilot.app.screen.query_one(PublicationNote)
        await pilot.press("tab", "right", "right", "s")
        await pilot.pause(0.1)
        assert server.calls == []
        assert told.display
        await pilot.press("enter")
        await until(pilot, lambda: foot(pilot).startswith("done") and not told.display)
        sent = steers(server)[0].json
        assert sent["features"][0]["strength"] == 48.0
        assert sent["seed"] == DRAWN_SEEDS - 1 == 99_999_999, "the service takes every seed that is drawn"


async def test_auto_goes_off_when_calls_begin_to_be_counted_and_not_where_the_person_wants_it(
    tmp_path: Path,
) -> None:
    for by_hand in (False, True):
        async with Loopback(routes()) as server:
            engine = HostedNeuronpedia(MODEL, url=server.url, answers=tmp_path, replay_pace_ms=0)
            engine._service.quota = None  # as after an answer that told of no limit
            async with make_app(engine, dials=(Dial(BRIDGES, 5.0),)).run_test(size=SMALL) as pilot:
                await laid_out(pilot)
                assert main_screen(pilot).controller.auto
                if by_hand:
                    await pilot.press("tab", "g", "g")
                await generated(pilot)
                await until(pilot, lambda: "231 left" in figures(pilot))
                assert main_screen(pilot).controller.auto is by_hand


async def test_a_limit_is_named_counts_down_and_goes_on_by_itself(tmp_path: Path) -> None:
    fake, refused = FakeTime(), asyncio.Event()
    answers = routes()["POST /api/steer"]

    async def steer(call: Call) -> None:
        if refused.is_set():
            await answers(call)
        else:
            refused.set()
            told = {"endpoint": "/api/steer", "limitPerWindow": 240, "requestWindow": "60 m", "remainingRequests": 0}
            await call.answer_json(told, 429, headers={"Retry-After": "12"})

    async with on_stage(tmp_path, fake, SMALL, steer=steer) as (server, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: notice(pilot) == "countdown")
        reason = str(pilot.app.screen.query_one("#countdown-reason", Static).content)
        assert "240 requests to /api/steer in 1 hour" in reason
        assert pilot.app.screen.query_one(RemainingTime).face == "0:12"
        await fake.advance(11.0)
        await until(pilot, lambda: pilot.app.screen.query_one(RemainingTime).face == "0:01")
        assert len(steers(server)) == 1
        await fake.advance(1.5)
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert notice(pilot) == "status"
        assert len(steers(server)) == 2


async def test_a_limit_can_be_asked_against_or_given_up_and_the_text_so_far_stays(tmp_path: Path) -> None:
    answers = routes()["POST /api/steer"]
    limits: list[Handler] = []

    async def steer(call: Call) -> None:
        await (limits.pop() if limits else answers)(call)

    async with on_stage(tmp_path, FakeTime(), SMALL, steer=steer) as (server, pilot):
        await generated(pilot)
        await pilot.press("tab")
        for key, end, requests in (("n", "done", 2), ("escape", "cancelled", 1)):
            asked = len(steers(server))
            limits.append(limited)
            await pilot.press("right", "enter")
            await until(pilot, lambda: notice(pilot) == "countdown")
            assert pane(pilot).text == " the Golden Gate"
            await pilot.press(key)
            await until(pilot, lambda end=end: foot(pilot).startswith(end) and notice(pilot) == "status")
            assert len(steers(server)) == asked + requests, key
            assert pane(pilot).text == " the Golden Gate"


async def test_esc_closes_the_connection_and_keeps_the_text_so_far(tmp_path: Path) -> None:
    async def steer(call: Call) -> None:
        await call.start()
        await call.chunk(frame(" the", " a"))
        await call.chunk(frame(" the Golden", " a"))
        await call.silence()

    async with on_stage(tmp_path, size=SMALL, steer=steer) as (server, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: pane(pilot).text == " the Golden")
        await pilot.press("escape")
        await until(pilot, lambda: foot(pilot).startswith("cancelled"))
        await asyncio.wait_for(steers(server)[0].gone.wait(), 10)
        assert pane(pilot).text == " the Golden"


@pytest.mark.parametrize("way", ["escape", "click"])
async def test_what_becomes_public_is_told_until_it_is_dismissed(tmp_path: Path, way: str) -> None:
    async with on_stage(tmp_path, size=(60, 20)) as (server, pilot):
        told = pilot.app.screen.query_one(PublicationNote)
        drawn = pilot.app.export_screenshot().replace("&#160;", " ")
        assert all(word in drawn for word in ("Neuronpedia stores every", "anybody", "esc hides this"))
        await (pilot.click(PublicationNote) if way == "click" else pilot.press(way))
        await until(pilot, lambda: not told.display)
        assert server.calls == []


async def test_a_feature_is_found_by_its_id_or_its_address_shows_where_it_fires_and_gets_a_dial(
    tmp_path: Path,
) -> None:
    async with on_stage(tmp_path) as (_, pilot):
        for words in (f"{MODEL}/20-gemmascope-res-16k/2", f"https://www.neuronpedia.org/{BRIDGE[:-4]}3"):
            dials = len(rack(pilot).rack.dials)
            rack(pilot).focus()
            await pilot.press("a")
            await until(pilot, lambda: isinstance(pilot.app.screen, FeaturesScreen))
            pilot.app.screen.query_one(Input).post_message(events.Paste(words))
            await pilot.press("enter")
            page = pilot.app.screen.query_one(FeatureDetails)
            await until(pilot, lambda page=page: "the Bridge" in str(page.render()))
            assert "a notch is 8: 1/5 of its highest known activation" in str(page.render())
            assert f"bridges {words[-1]}" in str(page.render())
            assert str(row(2)["maxActApprox"])[:2] in str(page.render())
            await pilot.press("enter")
            await until(pilot, lambda dials=dials: len(rack(pilot).rack.dials) == dials + 1)


async def test_a_chat_is_asked_for_and_told_beside_the_model() -> None:
    engine = ScriptedEngine()
    async with make_app(engine, chat=True).run_test(size=(120, 40)) as pilot:
        await generated(pilot)
        assert "stories-0M · chat " in str(pilot.app.screen.query_one(Masthead).render())
        await pilot.press("tab", "s", "enter")
        await until(pilot, lambda: len(engine.requests) > 2)
        assert all(request.chat for request in engine.requests)


async def test_what_an_engine_has_not_is_neither_on_a_key_nor_in_the_palette() -> None:
    async with make_app(auto=False).run_test() as pilot:
        await pilot.pause()
        titles = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert not titles & {"Presets", "Models", "Re-read", "Copy link"}
        await pilot.press("tab", "e", "o", "i", "c")
        assert main_screen(pilot).is_current


# Re-reads


async def fired(call: Call) -> None:
    """The prompt as one token, then one a word."""
    prompt = call.json["customText"].removesuffix(" the Golden Gate")
    await call.answer_json({"tokens": [prompt, " the", " Golden", " Gate"], "values": [40.0, 0.0, 20.0, 40.0]})


async def test_a_re_read_is_told_its_cost_first_and_fills_the_sparklines_until_the_text_changes(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as (server, pilot):
        server.routes["POST /api/activation/new"] = fired
        await generated(pilot)
        await pilot.press("tab", "i")
        cost = "Each feature of a re-read costs one of 1,000 requests"
        await until(pilot, lambda: any(cost in toast.message for toast in pilot.app._notifications))
        assert server.calls[-1].path == "/api/steer"
        await pilot.press("i")
        frame = pilot.app.screen.query_one("#dials")
        await until(pilot, lambda: frame.border_subtitle == "activations re-read, unsteered")
        line = "".join(segment.text for segment in rack(pilot).render_line(0))
        assert "▁▅█" in line
        await pilot.press("enter")
        await until(pilot, lambda: frame.border_subtitle == "")
