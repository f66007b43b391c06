"""The app over a real loopback Neuronpedia: both texts, its limits, its quota, and what it makes public."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from cli.service import BRIDGE, MODEL, limited, routes, row
from fake_time import FakeTime
from loopback import Call, Handler, Loopback
from scripted_engine import FEATURES, Gate, ScriptedEngine
from stage import foot, generated, laid_out, main_screen, make_app, pane, rack, until, values
from textual import events
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher, Input, OptionList, Static

from steer_tui.cli.dials import offered_dials, resolve_dials, written_dials
from steer_tui.domain import Dial, Feature, Lane, Method, Unreachable
from steer_tui.engines.neuronpedia import HostedNeuronpedia
from steer_tui.engines.services import ModelOffer, Preset
from steer_tui.tui.screens.features import FeaturesScreen
from steer_tui.tui.screens.main import DRAWN_SEEDS
from steer_tui.tui.screens.models import ModelsScreen
from steer_tui.tui.screens.presets import PresetsScreen
from steer_tui.tui.widgets.feature_details import FeatureDetails
from steer_tui.tui.widgets.masthead import Masthead
from steer_tui.tui.widgets.notices import RemainingTime
from steer_tui.tui.widgets.prompt import PromptBox
from steer_tui.tui.widgets.publication import PublicationNote
from steer_tui.tui.widgets.status import AutoSwitch, StatusFigures

BRIDGES = Feature(BRIDGE, "bridges", 8.0, unit_origin="1/5 of its highest known activation")
LINK = "https://www.neuronpedia.org/steer/abc"


@asynccontextmanager
async def on_stage(
    folder: Path, fake: FakeTime | None = None, size: tuple[int, int] = (120, 40), **handlers: Handler
) -> AsyncIterator[tuple[Loopback, Pilot[None]]]:
    """The app with one dial, and the service that it asks."""
    async with Loopback(routes(**handlers)) as server:
        engine = HostedNeuronpedia(MODEL, url=server.url, answers=folder, replay_pace_ms=0)
        app = make_app(engine, fake, dials=(Dial(BRIDGES, 5.0),))
        async with app.run_test(size=size) as pilot:
            await laid_out(pilot)
            yield server, pilot


def steers(server: Loopback) -> list[Call]:
    return [call for call in server.calls if call.path == "/api/steer"]


def figures(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one(StatusFigures).render())


def notice(pilot: Pilot[None]) -> str | None:
    return pilot.app.screen.query_one("#bottom", ContentSwitcher).current


def failure(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#failure-message", Static).content)


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


async def test_nothing_leaves_by_itself_where_calls_are_counted(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as (server, pilot):
        assert pilot.app.screen.query_one(AutoSwitch).position is False
        await pilot.press("tab", "right", "right")
        await pilot.pause(0.2)
        assert server.calls == []
        await pilot.press("enter")
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert steers(server)[0].json["features"][0]["strength"] == 48.0


async def test_auto_goes_off_when_calls_begin_to_be_counted_and_not_where_the_person_wants_it(
    tmp_path: Path,
) -> None:
    for by_hand in (False, True):
        async with Loopback(routes()) as server:
            engine = HostedNeuronpedia(MODEL, url=server.url, answers=tmp_path, replay_pace_ms=0)
            engine._service.quota = None  # as after an answer that told of no limit
            async with make_app(engine, dials=(Dial(BRIDGES, 5.0),)).run_test(size=(120, 40)) as pilot:
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

    async with on_stage(tmp_path, fake, steer=steer) as (server, pilot):
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


@pytest.mark.parametrize(("key", "asked"), [("n", 2), ("escape", 1)])
async def test_a_limit_can_be_asked_against_or_given_up_and_the_text_so_far_stays(
    tmp_path: Path, key: str, asked: int
) -> None:
    answers = routes()["POST /api/steer"]
    calls: list[Call] = []

    async def steer(call: Call) -> None:
        calls.append(call)
        await (limited(call) if len(calls) == 2 else answers(call))

    async with on_stage(tmp_path, FakeTime(), steer=steer) as (_, pilot):
        await generated(pilot)
        await pilot.press("tab", "right", "enter")
        await until(pilot, lambda: notice(pilot) == "countdown")
        assert pane(pilot).text == " the Golden Gate"
        await pilot.press(key)
        expected = "done" if asked == 2 else "cancelled"
        await until(pilot, lambda: foot(pilot).startswith(expected) and notice(pilot) == "status")
        assert len(calls) == asked + 1
        assert pane(pilot).text == " the Golden Gate"


async def test_esc_closes_the_connection_and_keeps_the_text_so_far(tmp_path: Path) -> None:
    async def steer(call: Call) -> None:
        await call.start()
        await call.chunk(frame(" the", " a"))
        await call.chunk(frame(" the Golden", " a"))
        await call.silence()

    async with on_stage(tmp_path, steer=steer) as (server, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: pane(pilot).text == " the Golden")
        await pilot.press("escape")
        await until(pilot, lambda: foot(pilot).startswith("cancelled"))
        await asyncio.wait_for(steers(server)[0].gone.wait(), 10)
        assert pane(pilot).text == " the Golden"


@pytest.mark.parametrize("way", ["enter", "escape", "click"])
async def test_what_becomes_public_is_told_until_a_generation_begins_or_it_is_dismissed(
    tmp_path: Path, way: str
) -> None:
    async with on_stage(tmp_path, size=(60, 20)) as (server, pilot):
        told = pilot.app.screen.query_one(PublicationNote)
        drawn = pilot.app.export_screenshot().replace("&#160;", " ")
        assert all(word in drawn for word in ("Neuronpedia stores every", "anybody", "esc hides this"))
        await (pilot.click(PublicationNote) if way == "click" else pilot.press(way))
        await until(pilot, lambda: not told.display)
        assert way == "enter" or server.calls == []


async def test_drawn_seeds_are_taken_by_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.randrange", lambda end: end - 1)
    async with on_stage(tmp_path) as (server, pilot):
        await pilot.press("tab", "s", "enter")
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert steers(server)[0].json["seed"] == DRAWN_SEEDS - 1 == 99_999_999


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


async def test_the_app_opens_without_the_service_and_says_so_where_it_is_asked(tmp_path: Path) -> None:
    engine = HostedNeuronpedia(MODEL, url="http://127.0.0.1:1", answers=tmp_path)
    find_dials = partial(offered_dials, engine)
    async with make_app(engine, dials=(), find_dials=find_dials).run_test(size=(80, 24)) as pilot:
        await laid_out(pilot)
        await until(pilot, lambda: notice(pilot) == "failure")
        assert failure(pilot).startswith("There are no dials yet: ")
        await pilot.press("tab", "a")
        await until(pilot, lambda: isinstance(pilot.app.screen, FeaturesScreen))
        found = pilot.app.screen.query_one(OptionList)
        await until(pilot, lambda: found.option_count == 1)
        assert "127.0.0.1" in str(found.options[0].prompt)
        await pilot.press("escape")
        await until(pilot, lambda: main_screen(pilot).is_current)


async def test_dials_that_nobody_chose_are_asked_for_once_the_app_is_open_and_generate_nothing(tmp_path: Path) -> None:
    async with Loopback(routes()) as server:
        engine = HostedNeuronpedia(MODEL, url=server.url, answers=tmp_path)
        find_dials = partial(offered_dials, engine)
        async with make_app(engine, dials=(), find_dials=find_dials, auto=True).run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: values(pilot) == [4.0, 0.0, 0.0, 0.0])
            await pilot.pause(0.2)
            assert steers(server) == []
            assert main_screen(pilot).controller.inputs.dials == rack(pilot).rack.dials


@pytest.mark.parametrize("size", [(60, 20), (120, 40)])
async def test_a_dial_that_was_named_and_cannot_be_looked_up_is_told_and_asked_for_once_more(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with Loopback(routes()) as server:
        path = f"GET /api/feature/{BRIDGE}"
        answers, server.routes[path] = server.routes[path], limited
        engine = HostedNeuronpedia(MODEL, url=server.url, answers=tmp_path)
        find_dials = partial(resolve_dials, engine, written_dials([f"{BRIDGE}=5"], "--dial"))
        async with make_app(engine, dials=(), find_dials=find_dials).run_test(size=size) as pilot:
            await until(pilot, lambda: notice(pilot) == "failure")
            assert failure(pilot).startswith(f"The dial '{BRIDGE}' could not be looked up: ")
            drawn = pilot.app.export_screenshot().replace("&#160;", " ")
            assert "Wait a while, then try again." in drawn
            assert "try again (r)" in drawn
            await pilot.press("tab", "r")
            await until(pilot, lambda: len(server.calls) == 2 and notice(pilot) == "failure")
            server.routes[path] = answers
            await pilot.click("#failure Button")
            await until(pilot, lambda: values(pilot) == [5.0] and notice(pilot) == "status")
            assert main_screen(pilot).controller.inputs.dials == rack(pilot).rack.dials
            await pilot.press("r")
            await pilot.pause()
            assert len(server.calls) == 3
            assert steers(server) == []


async def test_a_dial_that_the_service_does_not_have_is_said_on_the_screen(tmp_path: Path) -> None:
    async with Loopback(routes()) as server:
        engine = HostedNeuronpedia(MODEL, url=server.url, answers=tmp_path)
        find_dials = partial(resolve_dials, engine, written_dials(["towers=5"], "--dial"))
        async with make_app(engine, dials=(), find_dials=find_dials).run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: notice(pilot) == "failure")
            assert failure(pilot).startswith("--dial: There is no feature 'towers'.")


async def test_dials_that_come_late_leave_those_of_the_person_as_they_are() -> None:
    gate = Gate()
    refused = [Unreachable("Nobody is there.")]

    async def find_dials() -> tuple[Dial, ...]:
        await gate.wait()
        if refused:
            raise refused.pop()
        return (Dial(FEATURES[0], 2.0), Dial(FEATURES[1], 1.0))

    async with make_app(dials=(), find_dials=find_dials, auto=False).run_test(size=(120, 40)) as pilot:
        await laid_out(pilot)
        rack(pilot).change(rack(pilot).rack.add(FEATURES[1]))
        gate.let()
        await until(pilot, lambda: notice(pilot) == "failure")
        await pilot.press("tab", "r")
        await until(pilot, lambda: notice(pilot) == "status")
        await pilot.press("right")
        gate.let()
        await until(pilot, lambda: values(pilot) == [2.0, 0.5])
        assert main_screen(pilot).controller.inputs.dials == rack(pilot).rack.dials


async def test_dials_that_come_after_others_were_put_there_are_left_out_and_that_is_said() -> None:
    gate = Gate()

    async def find_dials() -> tuple[Dial, ...]:
        await gate.wait()
        return (Dial(FEATURES[0], 2.0),)

    async with make_app(dials=(), find_dials=find_dials, auto=False).run_test(size=(120, 40)) as pilot:
        await laid_out(pilot)
        rack(pilot).change(rack(pilot).rack.add(FEATURES[1]))
        await pilot.pause()
        gate.let()
        await until(pilot, lambda: any("came after yours" in toast.message for toast in pilot.app._notifications))
        assert [dial.feature for dial in rack(pilot).rack.dials] == [FEATURES[1]]


async def test_a_chat_is_asked_for_and_told_beside_the_model() -> None:
    engine = ScriptedEngine()
    async with make_app(engine, chat=True).run_test(size=(120, 40)) as pilot:
        await generated(pilot)
        assert "stories-0M · chat " in str(pilot.app.screen.query_one(Masthead).render())
        await pilot.press("tab", "s", "enter")
        await until(pilot, lambda: len(engine.requests) > 2)
        assert all(request.chat for request in engine.requests)


# Presets and models


async def presets(call: Call) -> None:
    source = BRIDGE.split("/")[1]
    features = [{"modelId": MODEL, "layer": source, "index": 3124, "strength": 0.5}]
    told = [{"name": "No bridges", "features": features, "steerMethod": "ORTHOGONAL_DECOMP"}]
    asked = [{"name": "A question", "prompt": "What is [b]this?"}]
    await call.answer_json({"model": MODEL, "defaultPrompt": "", "featurePresets": told, "promptPresets": asked})


async def chosen_preset(pilot: Pilot[None], *keys: str) -> None:
    rack(pilot).focus()
    await pilot.press("e")
    await until(pilot, lambda: isinstance(pilot.app.screen, PresetsScreen))
    await until(pilot, lambda: pilot.app.screen.query_one(OptionList).option_count == 2)
    await pilot.press(*keys, "enter")
    await until(pilot, lambda: main_screen(pilot).is_current)


async def test_a_preset_replaces_dials_and_method_and_undo_brings_both_back(tmp_path: Path) -> None:
    async with on_stage(tmp_path, presets=presets) as (server, pilot):
        await chosen_preset(pilot)
        await until(pilot, lambda: main_screen(pilot).controller.inputs.method is Method.ORTHOGONAL)
        assert values(pilot) == [5.0]
        frame = pilot.app.screen.query_one("#dials")
        await until(pilot, lambda: frame.border_title == "Dials · orthogonal")
        await pilot.press("enter")
        await until(pilot, lambda: foot(pilot).startswith("done"))
        assert steers(server)[-1].json["steer_method"] == "ORTHOGONAL_DECOMP"
        await pilot.press("right", "u", "u")
        await until(pilot, lambda: frame.border_title == "Dials")
        assert rack(pilot).rack.dials == (Dial(BRIDGES, 5.0),)


async def test_a_preset_comes_back_under_its_own_method_whatever_was_done_since(tmp_path: Path) -> None:
    async with on_stage(tmp_path, presets=presets) as (_, pilot):
        rack(pilot).change(rack(pilot).rack.remove(0))
        await chosen_preset(pilot)
        controller = main_screen(pilot).controller
        await until(pilot, lambda: controller.inputs.method is Method.ORTHOGONAL)
        taken = rack(pilot).rack.dials
        await pilot.press("d")
        rack(pilot).change(rack(pilot).rack.add(FEATURES[1]))
        await pilot.press("u")
        assert (controller.inputs.dials, controller.inputs.method) == ((), Method.ORTHOGONAL)
        await pilot.press("u")
        assert (controller.inputs.dials, controller.inputs.method) == (taken, Method.ORTHOGONAL)
        await pilot.press("u")
        assert (controller.inputs.dials, controller.inputs.method) == ((), Method.ADDITIVE)


class Broken(ScriptedEngine):
    """Breaks at the first of each question, and answers the second."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self._faults = {"cost": fault, "models": fault}

    async def presets_cost(self) -> str | None:
        if "cost" in self._faults:
            raise self._faults.pop("cost")
        return None

    async def presets(self) -> list[Preset]:
        return [Preset("Calm", ((FEATURES[1], 2.0),))]

    async def models(self) -> list[ModelOffer]:
        if "models" in self._faults:
            raise self._faults.pop("models")
        return [ModelOffer("gpt2", "gpt2", True, False, 12, ())]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (ZeroDivisionError("[b]by zero"), "Something broke: ZeroDivisionError('[b]by zero'). r asks again."),
        (Unreachable("Nobody is there.", hint="Look."), "Nobody is there. Look. r asks again."),
    ],
)
@pytest.mark.parametrize(("key", "screen"), [("e", PresetsScreen), ("o", ModelsScreen)])
async def test_a_question_on_which_the_engine_breaks_is_a_sentence_and_can_be_asked_again(
    key: str, screen: type[PresetsScreen | ModelsScreen], fault: Exception, words: str
) -> None:
    async with make_app(Broken(fault), auto=False).run_test(size=(120, 40)) as pilot:
        await pilot.press("tab", key)
        await until(pilot, lambda: isinstance(pilot.app.screen, screen))
        found = pilot.app.screen.query_one(OptionList)
        await until(pilot, lambda: [str(option.prompt) for option in found.options] == [words])
        await pilot.press("r")
        await until(pilot, lambda: not found.options[0].disabled)


async def test_a_preset_of_a_prompt_alone_leaves_the_dials(tmp_path: Path) -> None:
    async with on_stage(tmp_path, presets=presets) as (_, pilot):
        prompt = pilot.app.screen.query_one(PromptBox)
        example = prompt.text
        await chosen_preset(pilot, "down")
        await until(pilot, lambda: prompt.text == "What is [b]this?")
        assert main_screen(pilot).controller.inputs.prompt == "What is [b]this?"
        assert rack(pilot).rack.dials == (Dial(BRIDGES, 5.0),)
        prompt.undo()
        assert prompt.text == example


async def test_presets_that_cannot_be_had_are_a_sentence_and_can_be_asked_for_again(tmp_path: Path) -> None:
    asked: list[Call] = []
    told: list[str] = []

    async def answers(call: Call) -> None:
        asked.append(call)
        told.append(str(pilot.app.screen.query_one(OptionList).options[0].prompt))
        await (limited(call) if len(asked) == 1 else presets(call))

    async with on_stage(tmp_path, presets=answers) as (_, pilot):
        await pilot.press("tab", "e")
        await until(pilot, lambda: isinstance(pilot.app.screen, PresetsScreen))
        found = pilot.app.screen.query_one(OptionList)
        await until(pilot, lambda: "r asks again." in str(found.options[0].prompt))
        await pilot.press("r")
        await until(pilot, lambda: found.option_count == 2)
        assert all("costs one steering request" in words for words in told)
        await pilot.press("escape")
        await until(pilot, lambda: main_screen(pilot).is_current)


@pytest.mark.parametrize("size", [(60, 20), (120, 40)])
async def test_models_tell_what_can_be_steered_and_how_another_one_is_opened(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with on_stage(tmp_path, size=size) as (_, pilot):
        await pilot.press("tab", "o")
        await until(pilot, lambda: isinstance(pilot.app.screen, ModelsScreen))
        found = pilot.app.screen.query_one(OptionList)
        await until(pilot, lambda: found.option_count == 2)
        assert [str(option.prompt) for option in found.options] == [
            "● gemma-2-2b  can be steered · Gemma 2 2B",
            "  gpt2  shown only",
        ]
        told = pilot.app.screen.query_one("#model Static", Static)
        await until(pilot, lambda: "This is the model that is open." in str(told.content))
        assert "can be steered: 20-gemmascope-res-16k" in str(told.content)
        assert "shown only: 0-other" in str(told.content)
        await pilot.press("down")
        await until(pilot, lambda: "--engine neuronpedia --model gpt2" in str(told.content))
        assert '[neuronpedia] model = "gpt2"' in str(told.content)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.clipboard == "--engine neuronpedia --model gpt2")


async def test_what_an_engine_has_not_is_neither_on_a_key_nor_in_the_palette() -> None:
    async with make_app(auto=False).run_test(size=(120, 40)) as pilot:
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
