"""The app plays a recording back by itself, and says of what was not recorded that it is none of it."""

from dataclasses import replace

from recorded import RUN, at, read, recording, word
from scripted_engine import done
from stage import foot, main_screen, pane, until, values
from textual.pilot import Pilot
from textual.widgets import Static

from steer_tui.cli.replay import replay_options
from steer_tui.config import load_config
from steer_tui.domain import Lane, Method
from steer_tui.engines.replay import Recording, Replay
from steer_tui.tui.app import SteerApp
from steer_tui.tui.widgets.masthead import Masthead
from steer_tui.tui.widgets.prompt import PromptBox

DEFAULT = Lane.DEFAULT

SHORT = recording(
    at(0.01, word("The", 0)),
    at(0.01, read(2.5, 0)),
    at(0.02, word(" sea", 1)),
    at(0.02, done()),
    at(0.03, word("A hill", 0, DEFAULT)),
    at(0.03, done(DEFAULT)),
)


def app_of(of: Recording) -> SteerApp:
    return SteerApp(Replay(of, speed=1.0), replay_options(of.run, load_config(None, {})))


def failure(pilot: Pilot[None]) -> str:
    return str(pilot.app.screen.query_one("#failure-message", Static).render())


async def played(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: foot(pilot).startswith("done") and foot(pilot, DEFAULT).startswith("done"))


async def test_it_plays_by_itself_and_on_enter_and_says_what_it_is_where_a_dial_was_turned() -> None:
    async with app_of(SHORT).run_test(size=(120, 40)) as pilot:
        await played(pilot)
        assert (pane(pilot).text, pane(pilot, DEFAULT).text) == ("The sea", "A hill")
        assert values(pilot) == [4.0, 0.0]
        assert pilot.app.screen.query_one(PromptBox).text == RUN.prompt
        controller = main_screen(pilot).controller
        assert (controller.inputs.sampling, controller.auto) == (RUN.sampling, False)
        assert list(controller.state.lanes[Lane.STEERED].transcript.activations) == [RUN.features[0].id]
        masthead = str(pilot.app.screen.query_one(Masthead).render())
        assert "recording of scripted · stories-0M" in masthead
        run = controller.state.lanes[Lane.STEERED].run
        await pilot.press("enter")
        await until(pilot, lambda: controller.state.lanes[Lane.STEERED].run > run)
        await played(pilot)
        assert pane(pilot).text == "The sea"
        await pilot.press("tab", "right")
        await until(pilot, lambda: "stale" in foot(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "This is a recording" in failure(pilot))
        assert pane(pilot).text == "The sea"
        await pilot.press("ctrl+z", "enter")
        await played(pilot)


async def test_another_method_is_not_offered_and_the_features_can_be_looked_at() -> None:
    of = replace(SHORT, run=replace(RUN, method=Method.ABLATE))
    async with app_of(of).run_test(size=(120, 40)) as pilot:
        await played(pilot)
        assert main_screen(pilot).check_action("method", ()) is False
        await pilot.press("tab", "f")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "FeaturesScreen")
        await pilot.press("escape", "w")
        await pilot.pause(0.1)
        assert pilot.app.is_running


async def test_what_is_missing_from_a_recording_is_told() -> None:
    of = recording(at(0.01, word("The", 0)), note="Its last line is incomplete.")
    async with app_of(of).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: failure(pilot) == "The recording ends before the text does.")
        assert "Its last line is incomplete." in str(pilot.app.screen.query_one("#failure-hint", Static).render())
        assert pane(pilot).text == "The"


async def test_hostile_names_and_texts_are_drawn_and_nothing_else() -> None:
    evil = "[bold]\x1b]0;x\x07\u202e[/]\n"
    feature = replace(RUN.features[0], id=evil, label=evil, unit_origin=evil, promoted=(evil,))
    run = replace(RUN, engine=evil, model=evil, prompt=evil, dials=(replace(RUN.dials[0], feature=feature),))
    of = recording(at(0.01, word(evil, 0)), at(0.01, done()), at(0.01, done(DEFAULT)))
    async with app_of(replace(of, run=run)).run_test(size=(120, 40)) as pilot:
        await played(pilot)
        drawn = pilot.app.export_screenshot()
        assert "\x1b" not in drawn and "\u202e" not in drawn
        assert "[bold]" in drawn.replace("&#160;", " ")
