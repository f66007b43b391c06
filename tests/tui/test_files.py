"""Engines whose features lie in files: how one is named, what a mistake says, and that nothing is lost by it."""

from collections.abc import Sequence
from dataclasses import replace

from alone import Alone
from loading_engine import LoadingEngine
from scripted_engine import ScriptedEngine
from stage import laid_out, main_screen, make_app, rack, until, values
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from steer_tui.domain import Feature, FeatureKind, NotFound
from steer_tui.tui.screens.features import FeaturesScreen

HAPPY = Feature("/vectors/happy.gguf@14", "happy@14", 0.5, FeatureKind.VECTOR)


class FileEngine(LoadingEngine):
    """Knows one file, and lists what was opened of it."""

    def __init__(self) -> None:
        super().__init__(features=())
        self.info = replace(self.info, name="interp")
        self.queries: list[str] = []
        self.opened: list[Feature] = []

    async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
        self.queries.append(query)
        await self._ready()
        if not query:
            return self.opened
        if "/" in query and query != HAPPY.id:
            raise NotFound(f"There is no file {query!r}.", hint="Name a file\x1b, FILE@LAYER, or FOLDER#INDEX.")
        if query == HAPPY.id:
            self.opened = [HAPPY]
        return [feature for feature in self.opened if query in (feature.id, feature.label)]


def alone(engine: ScriptedEngine) -> Alone:
    """The screen by itself, before any feature has a dial."""
    return Alone(FeaturesScreen(engine, (), None))


async def shown(pilot: Pilot[None]) -> None:
    """Wait until the screen says something in its list."""
    await until(pilot, lambda: isinstance(pilot.app.screen, FeaturesScreen))
    await until(pilot, lambda: pilot.app.screen.query_one(OptionList).option_count == 1)


def listed(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one(OptionList).options[0].prompt)


async def test_an_app_without_dials_says_how_one_is_named_and_a_typed_path_gives_one() -> None:
    engine = FileEngine()
    engine.loaded.set()
    async with make_app(engine, auto=False, dials=()).run_test(size=(120, 40)) as pilot:
        for width, height in ((120, 40), (60, 20)):
            await pilot.resize_terminal(width, height)
            await laid_out(pilot)
            await until(pilot, lambda: rack(pilot).render_line(0).text.startswith("No dial yet: a adds one."))
            lines = " ".join(rack(pilot).render_line(y).text.strip() for y in range(4))
            assert "A dial is a file, FILE@LAYER, or FOLDER#INDEX of an SAE." in lines, (width, height)
        await pilot.press("tab", "a")
        await shown(pilot)
        assert listed(pilot) == "Type a file, FILE@LAYER, or FOLDER#INDEX of an SAE."
        pilot.app.screen.query_one(Input).post_message(events.Paste(HAPPY.id))
        await until(pilot, lambda: "happy@14" in listed(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: main_screen(pilot).is_current and values(pilot) == [0.0])
        assert rack(pilot).rack.dials[0].feature == HAPPY


async def test_a_wrong_path_is_a_sentence_and_what_was_typed_stays_to_be_mended() -> None:
    engine = FileEngine()
    engine.loaded.set()
    app = alone(engine)
    async with app.run_test() as pilot:
        await shown(pilot)
        await pilot.press(*"/vec")
        await until(pilot, lambda: "There is no file '/vec'. Name a file␛, FILE@LAYER" in listed(pilot))
        assert engine.queries == ["", "/vec"], "not every letter of a path is looked up"
        field = pilot.app.screen.query_one(Input)
        assert field.value == "/vec"
        field.value = "nothing"
        await until(
            pilot, lambda: listed(pilot).startswith("Nothing fits these words; fewer letters find more. Type a")
        )
        await pilot.press("escape")
        await until(pilot, lambda: app.given_back == [None])


async def test_while_the_server_loads_the_list_says_so_and_fills_when_it_is_ready() -> None:
    engine = FileEngine()
    async with alone(engine).run_test() as pilot:
        await shown(pilot)
        assert listed(pilot).startswith("loading 0:")
        engine.loaded.set()
        await until(pilot, lambda: listed(pilot).startswith("Type a file"))


async def test_another_engine_that_lists_nothing_says_so() -> None:
    async with alone(ScriptedEngine(features=())).run_test() as pilot:
        await shown(pilot)
        assert listed(pilot) == "Nothing is listed here: type what a feature is called."
