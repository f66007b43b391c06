"""The features screen: found by words, explained by evidence, and given a dial."""

from collections.abc import Sequence

import pytest
from alone import Alone
from scripted_engine import FEATURES, ExplainingEngine, Gate, ScriptedEngine
from stage import click_key, laid_out, make_app, rack, until, values
from textual.content import Content
from textual.pilot import Pilot
from textual.style import Style
from textual.widgets import Input, OptionList

from steer_tui.domain import (
    Context,
    CurvePoint,
    Evidence,
    Feature,
    FeatureKind,
    NotFound,
    SteerError,
    Telltale,
    Unreachable,
)
from steer_tui.engines.services import FeaturePage
from steer_tui.tui.screens.features import FeaturesScreen
from steer_tui.tui.widgets.feature_details import FeatureDetails

WINTER = Evidence(
    contexts=(
        Context((" the", " deep", " snow", " and"), (0.0, 1.0, 8.0, 0.0)),
        Context((" a", " cold", " day"), (0.0, 5.0, 0.5)),
        Context((" ice",), (4.0,)),
        Context((" the fourth",), (3.0,)),
    ),
    curve=(CurvePoint(-6, 0.0, 0.97, 0.0), CurvePoint(0, 0.04, 0.84), CurvePoint(6, 1.0, 1.63, 0.08)),
    telltale=Telltale(frozenset({"snow", "ice"})),
)
SEA = Evidence(contexts=(Context((" the", " waves"), (0.0, 7.25)),))


def alone(engine: ScriptedEngine, *dialled: Feature, start: Feature | None = None) -> Alone:
    """The screen by itself, where these features have a dial."""
    return Alone(FeaturesScreen(engine, dialled, start))


async def listed(pilot: Pilot[None]) -> None:
    """Wait until the screen has listed what there is."""
    await until(pilot, lambda: isinstance(pilot.app.screen, FeaturesScreen) and options(pilot).option_count > 0)


async def opened(pilot: Pilot[None], key: str) -> None:
    """Open the screen from the dials, and wait until it has listed what there is."""
    await laid_out(pilot)
    rack(pilot).focus()
    await pilot.press(key)
    await listed(pilot)


def options(pilot: Pilot[None]) -> OptionList:
    return pilot.app.screen.query_one(OptionList)


def lines(pilot: Pilot[None]) -> list[str]:
    return [str(option.prompt) for option in options(pilot).options]


def content(pilot: Pilot[None]) -> Content:
    return pilot.app.screen.query_one(FeatureDetails).render()


def details(pilot: Pilot[None]) -> str:
    return str(content(pilot))


def style_of(shown: Content, words: str) -> Style:
    """The style of the first place where the words stand."""
    return shown.get_style_at_offset(shown.plain.index(words) + 1)


async def test_it_filters_as_one_types_and_adds_a_dial_at_0_or_leads_to_the_one_that_is_there() -> None:
    async with make_app(auto=False).run_test() as pilot:
        await opened(pilot, "a")
        await pilot.press(*"foo")
        await until(pilot, lambda: options(pilot).option_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: len(values(pilot)) == 5)
        assert rack(pilot).rack.dials[-1].feature == FEATURES[4]
        assert values(pilot)[-1] == 0.0
        assert rack(pilot).has_focus
        await pilot.press("right")
        assert values(pilot)[-1] == 0.5
        await opened(pilot, "f")
        await pilot.press(*"drag")
        await until(pilot, lambda: options(pilot).option_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: rack(pilot).has_focus)
        assert values(pilot) == [4.0, 0.0, 0.0, 0.0, 0.5]
        assert rack(pilot).chosen == 2


async def test_from_a_dial_it_opens_on_its_feature_and_to_add_on_the_first_without_one() -> None:
    async with make_app(ExplainingEngine({}), auto=False).run_test() as pilot:
        await laid_out(pilot)
        await pilot.press("tab", "down", "f")
        await until(pilot, lambda: isinstance(pilot.app.screen, FeaturesScreen) and "sea" in details(pilot))
        await pilot.press("escape", "a")
        await until(pilot, lambda: isinstance(pilot.app.screen, FeaturesScreen) and "food" in details(pilot))


async def test_typing_touches_neither_prompt_nor_dials_and_in_the_list_a_adds() -> None:
    async with make_app(auto=False).run_test() as pilot:
        await opened(pilot, "f")
        await pilot.press(*"md0xa")
        assert pilot.app.screen.query_one(Input).value == "md0xa"
        await pilot.press("escape")
        assert values(pilot) == [4.0, 0.0, 0.0, 0.0]
        await pilot.press("f")
        await until(pilot, lambda: isinstance(pilot.app.screen, FeaturesScreen) and options(pilot).option_count > 1)
        await pilot.press("tab", "end", "a")
        await until(pilot, lambda: len(values(pilot)) == 5)


async def test_a_line_tells_label_kind_density_and_whether_there_is_a_dial() -> None:
    features = (*FEATURES[:2], Feature("m/1", "a label that is far too long", 1.0, FeatureKind.MEANS, density=0.000123))
    async with alone(ExplainingEngine({}, features=features), FEATURES[0]).run_test() as pilot:
        await listed(pilot)
        assert [line.split() for line in lines(pilot)] == [
            ["●", "winter", "SAE", "1", "%"],
            ["sea", "SAE", "2", "%"],
            ["a", "label", "that", "is", "far…", "means", "0.012", "%"],
        ]


async def test_a_dials_feature_that_the_engine_does_not_list_is_listed_all_the_same() -> None:
    unlisted = Feature("m/17", "2-sae/17", 1.0)
    async with alone(ExplainingEngine({}), unlisted, start=unlisted).run_test() as pilot:
        await until(pilot, lambda: details(pilot).startswith("2-sae/17"))
        assert lines(pilot)[0].startswith("● 2-sae/17")
        assert len(lines(pilot)) == len(FEATURES) + 1


async def test_it_says_when_nothing_fits_and_enter_takes_nothing() -> None:
    async with alone(ScriptedEngine()).run_test() as pilot:
        await listed(pilot)
        await pilot.press(*"zzz")
        await until(pilot, lambda: "Nothing fits" in lines(pilot)[0])
        assert details(pilot) == ""
        await pilot.press("enter", *["backspace"] * 3)
        await until(pilot, lambda: options(pilot).option_count == len(FEATURES))
        assert isinstance(pilot.app.screen, FeaturesScreen)


async def test_with_the_mouse_one_click_explains_and_two_take() -> None:
    app = alone(ExplainingEngine({"food": SEA}))
    async with app.run_test() as pilot:
        await listed(pilot)
        await pilot.click(OptionList, offset=(3, 4))
        await until(pilot, lambda: "waves" in details(pilot))
        await pilot.click(OptionList, offset=(3, 4), times=2)
        await until(pilot, lambda: app.given_back == [FEATURES[4]])


async def test_a_click_on_a_key_at_the_foot_closes() -> None:
    app = alone(ScriptedEngine())
    async with app.run_test() as pilot:
        await listed(pilot)
        await click_key(pilot, "dismiss")
        await until(pilot, lambda: app.given_back == [None])


async def test_it_shows_three_contexts_the_curve_and_what_makes_a_text_count() -> None:
    feature = Feature(
        "m/0", "winter", 2.0, promoted=(" snow", "\n"), suppressed=(" sun",), density=0.01, max_activation=8
    )
    engine = ExplainingEngine({"winter": WINTER}, features=[feature])
    async with alone(engine, feature).run_test() as pilot:
        await until(pilot, lambda: "What its dial did" in details(pilot))
        assert details(pilot).splitlines() == [
            "winter · SAE feature",
            "promotes snow, ␊",
            "suppresses sun",
            "",
            "Fires on 1 % of tokens, up to 8",
            "8  the deep snow and",
            "5  a cold day",
            "4  ice",
            "",
            "What its dial did",
            "value  share of texts   random   nats",
            "   -6  ··········   0 %     0 %   0.97",
            "    0  ▍·········   4 %       –   0.84",
            "   +6  ██████████ 100 %     8 %   1.63",
            "A text shows it by words of its own, 5 % or more of all: ice, snow",
            "",
            "m/0 · a notch is 2: 0.04 × the mean residual norm",
        ]


async def test_a_token_is_shaded_by_its_activation_in_the_hue_of_the_dial_and_the_peak_stands_out_without() -> None:
    engine = ExplainingEngine({"winter": WINTER, "sea": SEA})
    async with alone(engine, *FEATURES[:2], start=FEATURES[0]).run_test() as pilot:
        await until(pilot, lambda: "snow" in details(pilot))
        quiet, weak, peak = (style_of(content(pilot), word) for word in (" the", " deep", " snow"))
        assert quiet.background is None
        assert weak.background.a < peak.background.a
        assert (weak.bold, weak.underline) == (False, False)
        assert (peak.bold, peak.underline) == (True, True)
        winter = peak.background.rgb
        await pilot.press("down")
        await until(pilot, lambda: "waves" in details(pilot))
        assert style_of(content(pilot), " waves").background.rgb != winter


async def test_with_the_terminals_own_colours_the_hue_is_the_letters_and_the_highlight_is_underlined() -> None:
    app = alone(ExplainingEngine({"winter": WINTER}))
    app.theme = "ansi-dark"
    async with app.run_test() as pilot:
        await until(pilot, lambda: "snow" in details(pilot))
        peak = style_of(content(pilot), " snow")
        assert (peak.background, peak.underline) == (None, True)
        assert peak.foreground.ansi is not None
        underlined = [all(s.style.underline for s in options(pilot).render_line(y) if s.text.strip()) for y in (0, 1)]
        assert underlined == [True, False]


async def test_an_engine_that_explains_nothing_shows_what_the_feature_itself_holds() -> None:
    async with alone(ScriptedEngine()).run_test() as pilot:
        await until(pilot, lambda: "This engine tells no more of its features." in details(pilot))
        assert "Fires on 1 % of tokens, up to 8" in details(pilot)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            Unreachable("The server is\x1b[2J gone.", hint="Try again later."),
            "The server is␛[2J gone. Try again later.",
        ),
        (Evidence(), "No more is known of this feature."),
    ],
)
async def test_what_cannot_be_told_is_a_sentence(told: Evidence | SteerError, sentence: str) -> None:
    async with alone(ExplainingEngine({"winter": told})).run_test() as pilot:
        await until(pilot, lambda: sentence in details(pilot))
        assert "winter" in details(pilot)


async def test_evidence_that_comes_late_is_not_shown_at_another_feature() -> None:
    gate = Gate()
    engine = ExplainingEngine({"winter": WINTER, "sea": SEA}, gate)
    async with alone(engine).run_test() as pilot:
        await until(pilot, lambda: engine.asked_for == ["winter"])
        assert "Looking for its evidence" in details(pilot)
        await pilot.press("down")
        await until(pilot, lambda: engine.asked_for == ["winter", "sea"])
        gate.open()
        await until(pilot, lambda: "waves" in details(pilot))
        await pilot.pause(0.05)
        assert "snow" not in details(pilot)


async def test_a_search_that_fails_says_so() -> None:
    class Silent(ScriptedEngine):
        async def find_features(self, query: str, limit: int | None = None) -> Sequence[Feature]:
            raise NotFound("The list of features is gone.", hint="Try again.")

    app = alone(Silent())
    async with app.run_test() as pilot:
        await listed(pilot)
        assert lines(pilot) == ["The list of features is gone. Try again."]
        await pilot.press("enter", "escape")
        await until(pilot, lambda: app.given_back == [None])


async def test_an_engine_that_breaks_is_a_sentence_and_enter_asks_once_more() -> None:
    faults = [ZeroDivisionError("[b]by zero")]

    class BrokenOnce(ScriptedEngine):
        async def search(self, query: str, offset: int = 0) -> FeaturePage:
            if faults:
                raise faults.pop()
            return FeaturePage(tuple(await self.find_features(query)))

    async with alone(BrokenOnce()).run_test() as pilot:
        await listed(pilot)
        await pilot.press("w", "enter")
        await until(pilot, lambda: lines(pilot) == ["Something broke: ZeroDivisionError('[b]by zero')."])
        assert pilot.app.screen.query_one("#found").border_subtitle == ""
        await pilot.press("enter")
        await until(pilot, lambda: "winter" in lines(pilot)[0])


async def test_evidence_that_breaks_is_a_sentence() -> None:
    class Broken(ScriptedEngine):
        async def evidence(self, feature: Feature) -> Evidence:
            raise ZeroDivisionError("by zero")

    async with alone(Broken()).run_test() as pilot:
        await until(pilot, lambda: "Something broke: ZeroDivisionError('by zero')." in details(pilot))
        assert "winter" in details(pilot)


async def test_hostile_labels_and_tokens_are_drawn_as_symbols_and_not_as_markup() -> None:
    label = "[red]a\x1b[31m\u202e深い雪[/red]"
    context = Context((" [bold]\x07", "\n", "\u202e海", " [/]"), (float("nan"), float("inf"), 2.0, -1.0))
    told = Evidence((context,), (CurvePoint(1, float("nan"), 1.0),), Telltale(mark="\x1b[", least=2))
    feature = Feature("x/\x1b", label, 1.0, promoted=("[i]\x00", " "), unit_origin="\x9b1m")
    engine = ExplainingEngine({label: told}, features=[feature])
    async with alone(engine).run_test() as pilot:
        await until(pilot, lambda: "What its dial did" in details(pilot))
        assert details(pilot).startswith("[red]a␛[31m\ufffd深い雪[/red] · SAE feature\npromotes [i]␀,  \n")
        assert "inf  [bold]␇␊\ufffd海 [/]" in details(pilot)
        assert "A text shows it by “␛[”, 2 times or more." in details(pilot)
        assert lines(pilot)[0].startswith("  [red]a␛[31m\ufffd深い雪[…")
        drawn = pilot.app.export_screenshot()
        assert not {"\x1b", "\x07", "\u202e"} & set(drawn)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_it_is_usable_at_every_size_with_the_keyboard_alone(size: tuple[int, int]) -> None:
    app = alone(ExplainingEngine({"food": WINTER}), *FEATURES[:4])
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "What its dial did" in details(pilot))
        page = pilot.app.screen.query_one("#details")
        assert options(pilot).size.height >= 3
        assert page.size.height >= 10
        await pilot.press("pagedown", "pagedown")
        await until(pilot, lambda: page.scroll_y == page.max_scroll_y)
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.given_back == [FEATURES[5]])


async def test_resizing_folds_it_and_unfolds_it() -> None:
    async with alone(ExplainingEngine({"winter": WINTER})).run_test(size=(120, 40)) as pilot:
        await listed(pilot)
        found, page = pilot.app.screen.query_one("#found"), pilot.app.screen.query_one("#details")
        await until(pilot, lambda: found.region.y == page.region.y)
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: found.region.bottom == page.region.y)


async def test_it_is_usable_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with alone(ExplainingEngine({"winter": WINTER}), FEATURES[0], start=FEATURES[0]).run_test() as pilot:
        await until(pilot, lambda: "snow" in details(pilot))
        picture = pilot.app.export_screenshot().replace("&#160;", " ")
        for words in ("winter", "● ", "snow", "100 %"):
            assert words in picture
