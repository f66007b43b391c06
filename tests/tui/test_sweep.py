"""The sweep screen: what `w` opens, what comes, and how it ends."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from alone import Alone
from scripted_engine import FEATURES, Gate, ScriptedEngine, speaking
from stage import foot, laid_out, main_screen, make_app, rack, until
from sweeping_engine import RereadingEngine, SweepingEngine
from textual.pilot import Pilot
from textual.widgets import Static

from steer_tui.domain import Feature, FeatureKind, RateLimited, Rejected, Sampling
from steer_tui.engines import Quota
from steer_tui.generation import Deadlines
from steer_tui.generation.rack import Rack
from steer_tui.generation.sweep import SweepPlan
from steer_tui.tui.screens.sweep import SAMPLES, SWEPT_VALUES, SweepScreen
from steer_tui.tui.screens.sweep_texts import SweepTextsScreen
from steer_tui.tui.widgets.curves import CurvePlot
from steer_tui.tui.widgets.sample_card import SampleCard
from steer_tui.tui.widgets.sweep_title import SweepTitle

ROOT = Path(__file__).parent.parent.parent

TEXTS = len(SWEPT_VALUES) * 2 * SAMPLES

PROMPT = "Once upon a time"
BRIEF = SweepPlan(FEATURES[0], SWEPT_VALUES, (PROMPT,), samples=2)
"""A sweep that soon ends."""


def alone(engine: ScriptedEngine, plan: SweepPlan = BRIEF) -> Alone:
    """The screen by itself."""
    return Alone(SweepScreen(engine, plan, Deadlines()))


def screen(pilot: Pilot[None]) -> SweepScreen:
    """The sweep screen, also below the page of texts."""
    (found,) = [screen for screen in pilot.app.screen_stack if isinstance(screen, SweepScreen)]
    return found


def title(pilot: Pilot[None]) -> str:
    return screen(pilot).query_one(SweepTitle).render().plain


def cards(pilot: Pilot[None]) -> dict[float, SampleCard]:
    return {card.value: card for card in screen(pilot).query(SampleCard)}


def chosen(pilot: Pilot[None]) -> float:
    (card,) = screen(pilot).query("SampleCard.-chosen").results(SampleCard)
    return card.value


def drawn(pilot: Pilot[None]) -> str:
    """Everything on the screen, as characters."""
    return "\n".join(
        "".join(segment.text for segment in strip) for strip in pilot.app.screen._compositor.render_strips()
    )


async def shown(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, SweepScreen), 30)


async def opened(pilot: Pilot[None]) -> None:
    """Open it from the dials."""
    await pilot.press("tab", "w")
    await shown(pilot)


async def told(pilot: Pilot[None], words: str) -> None:
    """Wait until a toast says the words."""
    await until(pilot, lambda: any(words in toast.message for toast in pilot.app._notifications))


async def resized(pilot: Pilot[None], width: int, height: int) -> None:
    """Give the terminal another size, and wait until the curves have it."""
    await pilot.resize_terminal(width, height)
    plots = screen(pilot).query(CurvePlot)
    await until(pilot, lambda: all(plot.size.width == width // 2 for plot in plots))


async def ended(pilot: Pilot[None]) -> None:
    """Wait until nothing more comes, and everything is drawn that has come."""
    await shown(pilot)
    await until(pilot, lambda: not screen(pilot).running, 120)
    await until(pilot, lambda: not screen(pilot)._frame_pending, 30)


async def test_w_sweeps_the_chosen_dial_and_esc_leads_back_to_it() -> None:
    engine = SweepingEngine()
    sampling = Sampling(seed=3, max_tokens=500)
    async with make_app(engine, auto=False, sampling=sampling).run_test(size=(60, 20)) as pilot:
        await opened(pilot)
        await ended(pilot)
        assert {request.sampling.seed for request in engine.requests} == set(range(3, 3 + SAMPLES))
        assert {request.sampling.max_tokens for request in engine.requests} == {48}, "texts of a sweep are short"
        assert title(pilot).startswith("Sweep of winter   done")
        assert f"{TEXTS} of {TEXTS} texts" in title(pilot)
        assert PROMPT in title(pilot)
        assert (cards(pilot)[4.0].text or "").startswith(" winter+4 the sea")
        await pilot.press("escape")
        await until(pilot, lambda: main_screen(pilot).is_current)
        assert rack(pilot).has_focus


async def test_it_shows_curves_and_samples_at_every_size() -> None:
    async with alone(SweepingEngine()).run_test(size=(60, 20)) as pilot:
        await ended(pilot)
        assert (cards(pilot)[4.0].text or "").startswith(" winter+4 the sea")
        assert (cards(pilot)[4.0].random_text or "").startswith(" noise10+4 the sea")
        assert str(cards(pilot)[4.0].border_subtitle).startswith("100 % · ")
        assert str(cards(pilot)[0.0].border_subtitle).startswith("0 % · ")
        await pilot.resize_terminal(20, 5)  # where there is room for nothing
        for width, height in ((60, 20), (80, 24), (120, 40)):
            await resized(pilot, width, height)
            picture = drawn(pilot)
            for words in ("% of texts that show it", "nats a token", "○", "●", "-10", " 10", "the sea was calm"):
                assert words in picture, (width, height)
            assert re.search("[\u2801-\u28ff]{8}", picture), (width, height)
            for plot in screen(pilot).query(CurvePlot):
                assert plot.size.height >= 6, (width, height)
            assert min(card.size.height for card in cards(pilot).values()) >= 5, (width, height)


async def test_it_streams_in_and_a_sample_for_every_value_comes_before_a_second_one() -> None:
    engine = SweepingEngine(speaking(gate := Gate()))
    async with alone(engine, replace(BRIEF, samples=SAMPLES)).run_test() as pilot:
        await shown(pilot)
        gate.let(40)
        await until(pilot, lambda: cards(pilot)[-10.0].text is not None)
        assert title(pilot).startswith("Sweep of winter   sweeping")
        assert cards(pilot)[10.0].text is None
        assert len(drawn(pilot)) > 0
        gate.let(400)
        await until(pilot, lambda: cards(pilot)[10.0].text is not None)
        assert screen(pilot).running


async def test_esc_stops_a_sweep_that_runs_and_closes_one_that_does_not() -> None:
    engine = SweepingEngine(speaking(gate := Gate()))
    app = alone(engine)
    async with app.run_test() as pilot:
        await shown(pilot)
        gate.let(100)
        await until(pilot, lambda: cards(pilot)[-10.0].text is not None)
        await pilot.press("escape")
        await until(pilot, lambda: engine.open_streams == 0)
        assert title(pilot).startswith("Sweep of winter   stopped")
        assert cards(pilot)[-10.0].text is not None
        requests = len(engine.requests)
        gate.open()
        await pilot.pause(0.05)
        assert len(engine.requests) == requests
        await pilot.press("escape")
        await until(pilot, lambda: app.given_back == [None])


async def test_a_generation_that_runs_goes_on_below_a_sweep() -> None:
    engine = SweepingEngine(speaking(gate := Gate()))
    async with make_app(engine, auto=False).run_test(size=(60, 20)) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: engine.open_streams == 2)
        await opened(pilot)
        await until(pilot, lambda: engine.open_streams == 3)
        await pilot.press("escape")
        await until(pilot, lambda: engine.open_streams == 2)
        gate.open()
        await pilot.press("escape")
        await until(pilot, lambda: foot(pilot).startswith("done"))


async def test_quitting_while_it_sweeps_closes_stream_and_engine() -> None:
    engine = SweepingEngine(speaking(Gate()))
    async with make_app(engine, auto=False).run_test(size=(60, 20)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: engine.open_streams == 1)
        await pilot.press("ctrl+q")
    assert engine.open_streams == 0
    assert engine.closed


async def test_arrows_choose_a_value_and_enter_reads_its_texts_in_full() -> None:
    async with alone(SweepingEngine()).run_test(size=(60, 20)) as pilot:
        await ended(pilot)
        assert chosen(pilot) == 0.0
        await pilot.press("right", "right")
        assert chosen(pilot) == 4.0
        await pilot.press("end", "right")
        assert chosen(pilot) == 10.0
        await until(pilot, lambda: pilot.app.screen.region.contains_region(cards(pilot)[10.0].region))
        await pilot.press("home", "right", "left", "right")
        assert chosen(pilot) == -8.0
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, SweepTextsScreen))
        page = pilot.app.screen.query_one(Static).content
        assert str(page).count("winter-8 the sea was calm") == BRIEF.samples
        assert str(page).count("noise10-8 the sea was calm") == BRIEF.samples
        assert "winter · 1 · shows it · activation 0.30" in str(page)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, SweepScreen)


async def test_nothing_is_read_before_there_is_a_text() -> None:
    async with alone(SweepingEngine(speaking(Gate()))).run_test() as pilot:
        await shown(pilot)
        await pilot.press("enter", "left", "x", "0", "m")
        assert isinstance(pilot.app.screen, SweepScreen)


async def test_a_click_chooses_a_card_and_another_reads_it() -> None:
    async with alone(SweepingEngine()).run_test() as pilot:
        await ended(pilot)
        await pilot.click(cards(pilot)[2.0])
        assert chosen(pilot) == 2.0
        await until(pilot, lambda: pilot.app.screen.region.contains_region(cards(pilot)[2.0].region))
        await pilot.click(cards(pilot)[2.0])
        await until(pilot, lambda: isinstance(pilot.app.screen, SweepTextsScreen))


async def test_a_failure_is_told_and_what_has_come_stays() -> None:
    engine = SweepingEngine()
    engine.failures = [Rejected("The server refused: \x1b[31mno.", hint="Ask for less.")]
    app = alone(engine)
    async with app.run_test(size=(60, 20)) as pilot:
        await ended(pilot)
        assert title(pilot).startswith("Sweep of winter   failed")
        assert title(pilot).endswith("The server refused: ␛[31mno. Ask for less.")
        assert "Ask for less." in drawn(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: app.given_back == [None])


async def test_a_rate_limit_is_told_while_it_is_waited_out() -> None:
    engine = SweepingEngine()
    engine.failures = [RateLimited("Too many requests.", retry_after=40)]
    async with alone(engine).run_test(size=(60, 20)) as pilot:
        await shown(pilot)
        await until(pilot, lambda: "waiting" in title(pilot))
        assert title(pilot).endswith("Too many requests. Going on in 40 s.")
        await pilot.press("escape")
        assert title(pilot).startswith("Sweep of winter   stopped")


async def test_a_fault_in_the_engine_ends_the_sweep_and_not_the_app() -> None:
    class Faulty(SweepingEngine):
        async def reread(self, text: str, features: object) -> object:  # type: ignore[override]
            raise ZeroDivisionError("by zero")

    app = alone(Faulty())
    async with app.run_test() as pilot:
        await ended(pilot)
        assert "failed" in title(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: app.given_back == [None])


async def test_a_label_that_looks_like_markup_is_only_text() -> None:
    label = "tokens after [/INST] [b]"
    feature = Feature("s/1", label, 2.0)
    async with alone(SweepingEngine(), replace(BRIEF, feature=feature)).run_test(size=(60, 20)) as pilot:
        await ended(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, SweepTextsScreen))
        assert f"{label} at 0" in drawn(pilot)


async def test_what_cannot_be_swept_is_told_and_no_screen_opens() -> None:
    for engine, prompt, words in (
        (ScriptedEngine(), PROMPT, "cannot read a text back"),
        (SweepingEngine(), " ", "The prompt is empty"),
    ):
        async with make_app(engine, auto=False, prompt=prompt).run_test(size=(60, 20)) as pilot:
            await pilot.press("tab", "w")
            await told(pilot, words)
            rack(pilot).change(Rack())
            await pilot.press("w")
            await told(pilot, "no dial to sweep")
            assert main_screen(pilot).is_current


async def test_a_sweep_that_is_counted_begins_once_the_person_knows_what_it_takes() -> None:
    engine = RereadingEngine(quota=Quota(240, 240))
    async with make_app(engine, auto=False).run_test(size=(60, 20)) as pilot:
        await laid_out(pilot)
        await pilot.press("tab", "w")
        await until(pilot, lambda: bool(pilot.app._notifications))
        (toast,) = pilot.app._notifications
        assert toast.message == f"This sweep takes {TEXTS // 2} requests of the service: w again begins it."
        assert engine.requests == []
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, SweepScreen))


async def test_without_a_random_direction_there_is_one_curve() -> None:
    async with alone(RereadingEngine()).run_test() as pilot:
        await ended(pilot)
        texts = len(BRIEF.values) * BRIEF.samples
        assert f"{texts} of {texts} texts" in title(pilot)
        assert cards(pilot)[4.0].random_text is None


@pytest.mark.parametrize("theme", ["ansi-dark", "textual-light"])
async def test_other_themes_draw_everything(theme: str) -> None:
    app = alone(SweepingEngine(), replace(BRIEF, feature=FEATURES[1]))
    app.theme = theme
    async with app.run_test(size=(60, 20)) as pilot:
        await ended(pilot)
        for words in ("Sweep of sea", "○", "●", "100"):
            assert words in drawn(pilot)


async def test_a_vector_shows_no_share_of_texts() -> None:
    vector = replace(FEATURES[0], kind=FeatureKind.VECTOR)
    async with alone(SweepingEngine(), replace(BRIEF, feature=vector)).run_test(size=(120, 24)) as pilot:
        await ended(pilot)
        assert str(cards(pilot)[4.0].border_subtitle).endswith(" nats")
        assert "%" not in str(cards(pilot)[4.0].border_subtitle)
        assert "●" in drawn(pilot)
        assert "not measured: a vector has no words of its own" in drawn(pilot)
        assert "that show it" not in drawn(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, SweepTextsScreen))
        assert "nothing tells whether it shows it" in str(pilot.app.screen.query_one(Static).content)


def test_the_plots_and_numpy_are_loaded_by_the_first_sweep_alone() -> None:
    command = "import sys, steer_tui.tui.app, steer_tui.tui.screens.sweep; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"textual_plot", "numpy"} & set(ran.stdout.split())
