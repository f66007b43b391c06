"""What a service has to choose from: presets and models, with what goes wrong on the way to them."""

from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from alone import Alone
from cli.service import BRIDGE, MODEL, limited, routes
from hosted_stage import BRIDGES, on_stage, steers
from loopback import Call, Loopback
from scripted_engine import FEATURES, ScriptedEngine
from stage import foot, main_screen, rack, until, values
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from steer_tui.domain import Dial, Method, Unreachable
from steer_tui.engines.neuronpedia import HostedNeuronpedia
from steer_tui.engines.services import ModelOffer, Preset
from steer_tui.tui.screens.models import ModelsScreen
from steer_tui.tui.screens.offer import OfferScreen
from steer_tui.tui.screens.presets import PresetsScreen
from steer_tui.tui.widgets.prompt import PromptBox


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


async def test_a_preset_replaces_dials_and_method_or_the_prompt_alone_and_undo_brings_each_back(tmp_path: Path) -> None:
    async with on_stage(tmp_path, size=(80, 24), presets=presets) as (server, pilot):
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
        prompt = pilot.app.screen.query_one(PromptBox)
        example = prompt.text
        await chosen_preset(pilot, "down")
        await until(pilot, lambda: prompt.text == "What is [b]this?")
        assert main_screen(pilot).controller.inputs.prompt == "What is [b]this?"
        assert rack(pilot).rack.dials == (Dial(BRIDGES, 5.0),)
        prompt.undo()
        assert prompt.text == example


async def test_a_preset_comes_back_under_its_own_method_whatever_was_done_since(tmp_path: Path) -> None:
    async with on_stage(tmp_path, size=(80, 24), presets=presets) as (_, pilot):
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
    ("fault", "words", "screen"),
    [
        (
            ZeroDivisionError("[b]by zero"),
            "Something broke: ZeroDivisionError('[b]by zero'). r asks again.",
            PresetsScreen,
        ),
        (
            Unreachable("Nobody is there.", hint="Look."),
            "Nobody is there. Look. r asks again.",
            lambda engine: ModelsScreen(engine, engine.info),
        ),
    ],
)
async def test_a_question_on_which_the_engine_breaks_is_a_sentence_and_can_be_asked_again(
    fault: Exception, words: str, screen: Callable[[Broken], PresetsScreen | ModelsScreen]
) -> None:
    async with Alone(screen(Broken(fault))).run_test() as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, OfferScreen))
        found = pilot.app.screen.query_one(OptionList)
        await until(pilot, lambda: [str(option.prompt) for option in found.options] == [words])
        await pilot.press("r")
        await until(pilot, lambda: not found.options[0].disabled)


async def test_presets_that_cannot_be_had_are_a_sentence_and_can_be_asked_for_again(tmp_path: Path) -> None:
    asked: list[Call] = []
    told: list[str] = []

    async def answers(call: Call) -> None:
        asked.append(call)
        told.append(str(pilot.app.screen.query_one(OptionList).options[0].prompt))
        await (limited(call) if len(asked) == 1 else presets(call))

    async with (
        Loopback(routes(presets=answers)) as server,
        aclosing(HostedNeuronpedia(MODEL, url=server.url, answers=tmp_path)) as engine,
    ):
        app = Alone(PresetsScreen(engine))
        async with app.run_test() as pilot:
            await until(pilot, lambda: isinstance(pilot.app.screen, PresetsScreen))
            found = pilot.app.screen.query_one(OptionList)
            await until(pilot, lambda: "r asks again." in str(found.options[0].prompt))
            await pilot.press("r")
            await until(pilot, lambda: found.option_count == 2)
            assert all("costs one steering request" in words for words in told)
            await pilot.press("escape")
            await until(pilot, lambda: app.given_back == [None])


async def test_models_tell_what_can_be_steered_and_how_another_one_is_opened(tmp_path: Path) -> None:
    async with on_stage(tmp_path, size=(60, 20)) as (_, pilot):
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
