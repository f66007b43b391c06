"""The features screen where a service is searched: debounced, paged, and never at a loss for a sentence."""

from collections.abc import Mapping

import pytest
from alone import Alone
from fake_time import FakeTime
from scripted_engine import FEATURES, ExplainingEngine, Gate
from stage import laid_out, main_screen, make_app, until, values
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from steer_tui.domain import Context, Evidence, Feature, RateLimited, Rejected, SteerError
from steer_tui.engines.services import FeaturePage
from steer_tui.tui.screens.features import DEBOUNCE, FeaturesScreen
from steer_tui.tui.screens.finding import age_words
from steer_tui.tui.widgets.feature_details import FeatureDetails

BRIDGES = tuple(Feature(f"m/20-res/{n}", f"bridges of kind {n}", 8.0, density=0.001, max_activation=40) for n in (1, 2))
TOWERS = tuple(Feature(f"m/20-res/{n}", f"towers of kind {n}", 8.0) for n in (3, 4))
FIRST, SECOND = FeaturePage(BRIDGES, 2, 2 * 86_400.0), FeaturePage(TOWERS)
LIMIT = RateLimited("1,000 searches an hour were made.", retry_after=60, hint="Try again in a minute.")

Told = FeaturePage | SteerError


class SearchingEngine(ExplainingEngine):
    """Answers a search as it is told, or with what the test puts there since."""

    def __init__(
        self, told: Mapping[tuple[str, int], Told], evidence: Mapping[str, Evidence], gate: Gate | None = None
    ) -> None:
        super().__init__(evidence, features=FEATURES[:1])
        self.told, self.gate = dict(told), gate
        self.searches: list[tuple[str, int]] = []

    async def search(self, query: str, offset: int = 0) -> FeaturePage:
        self.searches.append((query, offset))
        if self.gate is not None:
            await self.gate.wait()
        if len(query) < 3:
            raise Rejected("A search needs at least 3 characters.", hint="Type a few words.")
        told = self.told.get((query, offset), FeaturePage(()))
        if isinstance(told, SteerError):
            raise told
        return told


def options(pilot: Pilot[None]) -> OptionList:
    return pilot.app.screen.query_one(OptionList)


def lines(pilot: Pilot[None]) -> list[str]:
    return [" ".join(str(option.prompt).split()) for option in options(pilot).options]


def details(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one(FeatureDetails).render())


def alone(engine: SearchingEngine, fake: FakeTime) -> Alone:
    """The screen by itself, where the first feature has a dial."""
    return Alone(FeaturesScreen(engine, FEATURES[:1], None, clock=fake.clock, sleep=fake.sleep))


async def listed(pilot: Pilot[None]) -> None:
    """Wait until the screen has listed what there is to begin with."""
    await until(pilot, lambda: isinstance(pilot.app.screen, FeaturesScreen) and options(pilot).option_count > 0)


async def typed(pilot: Pilot[None], fake: FakeTime, words: str) -> None:
    """Type, and let the typing rest."""
    await pilot.press(*words)
    await until(pilot, lambda: pilot.app.screen.query_one(Input).value.endswith(words))
    await fake.advance(DEBOUNCE)


async def test_typing_is_waited_out_and_only_the_last_words_are_searched_for() -> None:
    engine, fake = SearchingEngine({("bridge", 0): FIRST}, {}), FakeTime()
    async with alone(engine, fake).run_test() as pilot:
        await listed(pilot)
        assert lines(pilot) == ["● 1 % winter"]
        await pilot.press(*"brid")
        await fake.advance(DEBOUNCE / 2)
        await pilot.press(*"ge")
        await fake.advance(DEBOUNCE / 2)
        assert engine.searches == []
        await fake.advance(DEBOUNCE)
        await until(pilot, lambda: options(pilot).option_count == 3)
        assert engine.searches == [("bridge", 0)]
        assert lines(pilot) == ["0.1 % bridges of kind 1", "0.1 % bridges of kind 2", "more: ⏎"]
        assert pilot.app.screen.query_one("#found").border_subtitle == "kept 2 days ago"


async def test_enter_searches_at_once_and_then_adds_the_dial() -> None:
    engine = SearchingEngine({("bridge", 0): FIRST}, {})
    async with make_app(engine, FakeTime(), auto=False).run_test() as pilot:
        await laid_out(pilot)
        await pilot.press("tab", "a")
        await listed(pilot)
        await pilot.press(*"bridge", "enter")
        await until(pilot, lambda: options(pilot).option_count == 3)
        await pilot.press("down", "enter")
        await until(pilot, lambda: len(values(pilot)) == 5)
        assert main_screen(pilot).controller.inputs.dials[-1].feature == BRIDGES[1]


async def test_a_newer_query_cancels_the_older_one() -> None:
    engine, gate = SearchingEngine({("bridge", 0): FIRST, ("bridges", 0): SECOND}, {}), Gate()
    engine.gate = gate
    fake = FakeTime()
    async with alone(engine, fake).run_test() as pilot:
        await listed(pilot)
        await typed(pilot, fake, "bridge")
        await until(pilot, lambda: engine.searches == [("bridge", 0)])
        assert pilot.app.screen.query_one("#found").border_subtitle == "searching …"
        await typed(pilot, fake, "s")
        await until(pilot, lambda: len(engine.searches) == 2)
        gate.open()
        await until(pilot, lambda: lines(pilot) == ["towers of kind 3", "towers of kind 4"])


async def test_the_next_page_comes_at_the_end_of_the_list_and_a_refusal_of_it_can_be_asked_again() -> None:
    engine = SearchingEngine({("bridge", 0): FIRST, ("bridge", 2): LIMIT}, {})
    app = alone(engine, FakeTime())
    async with app.run_test() as pilot:
        await listed(pilot)
        await pilot.press(*"bridge", "enter")
        await until(pilot, lambda: options(pilot).option_count == 3)
        await pilot.press("down", "down", "enter")
        refused = "1,000 searches an hour were made. Try again in a minute. ⏎ asks again."
        await until(pilot, lambda: lines(pilot)[-1] == refused)
        engine.told[("bridge", 2)] = SECOND
        await pilot.press("enter")
        await until(pilot, lambda: options(pilot).option_count == 4)
        assert lines(pilot)[2:] == ["towers of kind 3", "towers of kind 4"]
        assert options(pilot).highlighted == 2
        await pilot.press("enter")
        await until(pilot, lambda: app.given_back == [TOWERS[0]])


async def test_a_click_on_the_last_row_loads_the_next_page() -> None:
    engine = SearchingEngine({("bridge", 0): FIRST, ("bridge", 2): SECOND}, {})
    async with alone(engine, FakeTime()).run_test() as pilot:
        await listed(pilot)
        await pilot.press(*"bridge", "enter")
        await until(pilot, lambda: options(pilot).option_count == 3)
        await pilot.click(OptionList, offset=(3, 2))
        await until(pilot, lambda: options(pilot).option_count == 4)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("br", "A search needs at least 3 characters. Type a few words."),
        ("bridge", "1,000 searches an hour were made. Try again in a minute."),
        ("nothing", "Nothing fits these words; other words find more."),
    ],
)
async def test_what_is_not_found_is_a_sentence_and_what_was_typed_stays(words: str, sentence: str) -> None:
    engine, fake = SearchingEngine({("bridge", 0): LIMIT}, {}), FakeTime()
    async with alone(engine, fake).run_test() as pilot:
        await listed(pilot)
        await typed(pilot, fake, words)
        await until(pilot, lambda: lines(pilot) == [sentence])
        assert pilot.app.screen.query_one(Input).value == words
        drawn = pilot.app.export_screenshot().replace("&#160;", " ")
        assert sentence.split()[-1] in drawn


async def test_evidence_is_asked_for_where_the_highlight_rests() -> None:
    evidence = Evidence((Context((" the", " Bridge"), (0.0, 40.0)),))
    engine, fake = SearchingEngine({("bridge", 0): FIRST}, {BRIDGES[1].label: evidence}), FakeTime()
    async with alone(engine, fake).run_test() as pilot:
        await listed(pilot)
        await pilot.press(*"bridge", "enter")
        await until(pilot, lambda: options(pilot).option_count == 3)
        await fake.advance(DEBOUNCE / 2)
        await pilot.press("down")
        await until(pilot, lambda: "bridges of kind 2" in details(pilot))
        await fake.advance(DEBOUNCE / 2)
        assert engine.asked_for == []
        await fake.advance(DEBOUNCE)
        await until(pilot, lambda: "the Bridge" in details(pilot))
        assert engine.asked_for == [BRIDGES[1].label]
        assert "a notch is 8" in details(pilot)


def test_ages_and_pages() -> None:
    ages = (0.0, 61.0, 7_300.0, 86_400.0, 200_000.0)
    assert list(map(age_words, ages)) == [
        "kept just now",
        "kept 1 minute ago",
        "kept 2 hours ago",
        "kept 1 day ago",
        "kept 2 days ago",
    ]
    again = FeaturePage((BRIDGES[1], *TOWERS))
    assert FIRST.joined(again) == FeaturePage((*BRIDGES, *TOWERS), None, FIRST.age_seconds)
