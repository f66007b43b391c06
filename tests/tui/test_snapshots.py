"""The screens as pictures; a change shows in `snapshot_report.html`, and `pytest --snapshot-update` accepts it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from fake_time import FakeTime
from live_engine import LiveEngine
from loading_engine import LoadingEngine
from scripted_engine import FEATURES, ExplainingEngine, ScriptedEngine, playing, speaking
from stage import foot, generated, laid_out, make_app, pane, until
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher, Input

from steer_tui.domain import (
    Context,
    CurvePoint,
    Evidence,
    FeatureKind,
    Lane,
    Method,
    RateLimited,
    Rejected,
    Sampling,
    Telltale,
)
from steer_tui.tui.screens.features import FeaturesScreen
from steer_tui.tui.screens.help import HelpScreen
from steer_tui.tui.screens.sampling import SamplingScreen
from steer_tui.tui.widgets.feature_details import FeatureDetails
from steer_tui.tui.widgets.loading import LoadingStage, LogLine
from steer_tui.tui.widgets.status import StatusFigures
from steer_tui.tui.widgets.warning import WarningNote

STORY = (
    "lived by the sea . Every day the boats came home with silver fish , and every evening the lamps were lit . "
    "One night a storm came up , and nobody slept until the morning ."
)

SHOWN = (
    replace(
        FEATURES[0],
        kind=FeatureKind.MEANS,
        promoted=(" snow", " frozen", " ice", " cold", " sledge"),
        suppressed=(" sun", " beach", " harvest"),
    ),
    *FEATURES[1:],
)

WINTER = Evidence(
    contexts=(
        Context(
            (
                " All",
                " night",
                " the",
                " snow",
                " fell",
                " on",
                " the",
                " frozen",
                " lake",
                " ,",
                " and",
                " the",
                " ice",
            ),
            (0.0, 0.4, 0.0, 8.0, 1.2, 0.0, 0.0, 6.1, 0.7, 0.0, 0.0, 0.0, 5.5),
        ),
        Context(
            (" They", " built", " a", " snow", "man", " with", " a", " carrot"),
            (0.0, 0.0, 0.0, 7.3, 4.2, 0.0, 0.0, 0.0),
        ),
        Context((" his", " breath", " was", " white", " in", " the", " cold"), (0.0, 0.9, 0.0, 2.2, 0.0, 0.0, 4.8)),
    ),
    curve=(
        CurvePoint(-6.0, 0.0, 0.97, 0.0),
        CurvePoint(0.0, 0.04, 0.84, 0.04),
        CurvePoint(3.0, 0.42, 0.92, 0.04),
        CurvePoint(6.0, 0.96, 1.63, 0.08),
        CurvePoint(10.0, 1.0, 3.6, 0.13),
    ),
    telltale=Telltale(frozenset({"snow", "ice", "frost", "sledge"})),
)


async def calm(pilot: Pilot[None]) -> None:
    """Generate, and go to the dials."""
    await laid_out(pilot)
    await generated(pilot)
    await pilot.press("tab", "down")
    await calm_figures(pilot)


async def calm_figures(pilot: Pilot[None]) -> None:
    """Wait until both texts are there, and take out the figures that the clock makes."""
    for lane in Lane:
        await until(pilot, lambda lane=lane: foot(pilot, lane).startswith("done"))
    await pilot.pause(0.1)
    figures = pilot.app.screen.query_one(StatusFigures)
    figures.view = replace(figures.view, tokens_per_second=None, seconds_to_first_token=None)
    await pilot.pause()


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_main_screen(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    app = make_app(ScriptedEngine(speaking(text=STORY)))
    assert snap_compare(app, terminal_size=size, run_before=calm)


@pytest.mark.parametrize("theme", ["ansi-dark", "textual-light"])
def test_other_themes(snap_compare: Callable[..., bool], theme: str) -> None:
    app = make_app(ScriptedEngine(speaking(text=STORY)), theme=theme)
    assert snap_compare(app, terminal_size=(100, 30), run_before=calm)


def test_live(snap_compare: Callable[..., bool]) -> None:
    engine = LiveEngine(text=STORY)

    async def turned(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        await pilot.press("enter", "tab")
        for tokens, key in ((12, "right"), (14, "right"), (25, "0")):
            engine.gate.let(tokens - pane(pilot).token_count)
            await until(pilot, lambda tokens=tokens: pane(pilot).token_count == tokens)
            turns = len(engine.turned)
            await pilot.press(key)
            await until(pilot, lambda turns=turns: len(engine.turned) == turns + 1)
        engine.gate.open()
        await calm_figures(pilot)

    assert snap_compare(make_app(engine, live=True), terminal_size=(100, 30), run_before=turned)


def test_countdown(snap_compare: Callable[..., bool]) -> None:
    async def waiting(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        await pilot.press("enter", "tab")
        bottom = pilot.app.screen.query_one("#bottom", ContentSwitcher)
        await until(pilot, lambda: bottom.current == "countdown")

    refused = [RateLimited("You have made 240 requests within 60 minutes.", retry_after=60)]
    app = make_app(ScriptedEngine(playing(refused)), FakeTime())
    assert snap_compare(app, terminal_size=(80, 24), run_before=waiting)


def test_failure(snap_compare: Callable[..., bool]) -> None:
    async def failed(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        await pilot.press("enter", "tab")
        bottom = pilot.app.screen.query_one("#bottom", ContentSwitcher)
        await until(pilot, lambda: bottom.current == "failure")

    app = make_app(ScriptedEngine(playing([Rejected("The prompt has 2,300 characters; 2,048 are allowed.")])))
    assert snap_compare(app, terminal_size=(80, 24), run_before=failed)


def test_loading(snap_compare: Callable[..., bool]) -> None:
    fake = FakeTime()
    engine = LoadingEngine(clock=fake.clock)

    async def loading(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        bottom = pilot.app.screen.query_one("#bottom", ContentSwitcher)
        await until(pilot, lambda: bottom.current == "loading")
        await pilot.press("enter", "tab")
        await fake.advance(83.0)
        engine.say(
            "Loading checkpoint shards:  60%|██████    | 3/5 [01:12<00:46, 23.4s/it] model-00003-of-00005.safetensors"
        )
        stage = pilot.app.screen.query_one(LoadingStage)
        await until(pilot, lambda: stage.face == "1:23" and pilot.app.screen.query_one(LogLine).display)

    assert snap_compare(make_app(engine, fake, auto=False), terminal_size=(60, 20), run_before=loading)


def test_stopped(snap_compare: Callable[..., bool]) -> None:
    async def stopped(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        bottom = pilot.app.screen.query_one("#bottom", ContentSwitcher)
        await until(pilot, lambda: bottom.current == "loading")
        await pilot.press("tab", "escape")
        await until(pilot, lambda: bottom.current == "stopped")
        await pilot.pause(0.4)

    assert snap_compare(make_app(LoadingEngine(), auto=False), terminal_size=(60, 20), run_before=stopped)


@pytest.mark.parametrize("size", [(60, 20), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_warning(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    engine = LoadingEngine(speaking(text=STORY), methods=tuple(Method))
    engine.finds = "Steering has no effect on this server: at +50 it writes the same eight tokens as at 0."
    engine.loaded.set()

    async def warned(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        await until(pilot, lambda: pilot.app.screen.query_one(WarningNote).display)
        await generated(pilot)
        await pilot.press("tab", "equals_sign", *"25", "enter", "t")
        await pilot.pause(0.2)
        await calm_figures(pilot)

    assert snap_compare(make_app(engine, auto=False), terminal_size=size, run_before=warned)


@pytest.mark.parametrize("size", [(60, 20), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_features(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def browsing(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        await pilot.press("tab", "f")
        await until(pilot, lambda: isinstance(pilot.app.screen, FeaturesScreen))
        pilot.app.screen.query_one(Input).cursor_blink = False
        known = pilot.app.screen.query_one(FeatureDetails)
        await until(pilot, lambda: known.explanation is not None and known.explanation.evidence == WINTER)

    app = make_app(ExplainingEngine({"winter": WINTER}, features=SHOWN), auto=False)
    assert snap_compare(app, terminal_size=size, run_before=browsing)


def test_sampling(snap_compare: Callable[..., bool]) -> None:
    async def setting(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        await pilot.press("tab", "p")
        await until(pilot, lambda: isinstance(pilot.app.screen, SamplingScreen))
        pilot.app.screen.query_one("#pace", Input).value = "-1"
        await pilot.press("enter", "down")
        for field in pilot.app.screen.query(Input):
            field.cursor_blink = False

    app = make_app(auto=False, sampling=Sampling(stop=("\n\n",)))
    assert snap_compare(app, terminal_size=(60, 20), run_before=setting)


def test_help(snap_compare: Callable[..., bool]) -> None:
    async def helping(pilot: Pilot[None]) -> None:
        await laid_out(pilot)
        await pilot.press("tab", "question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))

    assert snap_compare(make_app(auto=False), terminal_size=(100, 50), run_before=helping)
