"""What `steer-tui` opens the app with; the app itself is tested elsewhere."""

import asyncio

import pytest
from scripted_engine import FEATURES, ScriptedEngine

from steer_tui.cli import app
from steer_tui.cli.app import app_options
from steer_tui.cli.options import Flags
from steer_tui.cli.settings import read_settings
from steer_tui.domain import SteerError, Unauthorized, Unreachable
from steer_tui.generation import Deadlines


async def opened_with(engine=None, **flags):
    return await app_options(read_settings(Flags(**flags)), engine or ScriptedEngine())


class Refusing(ScriptedEngine):
    """A service that tells no features."""

    def __init__(self, error: SteerError) -> None:
        super().__init__()
        self.error = error

    async def find_features(self, query, limit=None):
        raise self.error


class Silent(ScriptedEngine):
    """A service that does not answer when it is asked for features."""

    async def find_features(self, query, limit=None):
        await asyncio.Event().wait()


async def test_a_first_start_has_the_example_the_engines_first_four_dials_and_the_first_of_them_at_4(steer_here):
    options = await opened_with()
    assert [dial.feature for dial in options.dials] == list(FEATURES[:4])
    assert [dial.value for dial in options.dials] == [4.0, 0.0, 0.0, 0.0]
    assert options.prompt is None
    assert options.example.startswith("Once upon a time")
    assert (options.auto, options.live) == (None, False)
    assert (options.debounce, options.deadlines) == (0.15, Deadlines(300.0, 60.0, None))


async def test_flags_and_config_reach_the_app(steer_here):
    steer_here.write_own(
        "[dials]\nstart = ['winter=2']\n"
        "[generation]\nauto = 'off'\nlive = true\ndebounce_builtin_ms = 20\npace = 5\n"
        "[deadlines]\nsilence = 0\nwhole = 9\n"
        "[keys]\nmain.now = 'f5'\n"
    )
    options = await opened_with(prompt="Hello", seed=3, stop=("a", "b"))
    other = await opened_with(dials=("sea=-4",))
    assert [(dial.feature.label, dial.value) for dial in options.dials] == [("winter", 2.0)]
    assert [(dial.feature.label, dial.value) for dial in other.dials] == [("sea", -4.0)]
    assert (options.prompt, options.sampling.seed, options.sampling.stop) == ("Hello", 3, ("a", "b"))
    assert (options.auto, options.live, options.debounce, options.pace) == (False, True, 0.02, 5.0)
    assert options.deadlines == Deadlines(300.0, None, 9.0)
    assert options.keys == {"main.now": "f5"}


@pytest.mark.parametrize("error", [Unreachable("Nobody is there."), Unauthorized("No key.")])
async def test_a_service_that_offers_no_dials_keeps_no_app_from_opening(steer_here, error):
    assert (await opened_with(Refusing(error))).dials == ()


async def test_a_service_that_does_not_answer_keeps_no_app_from_opening(steer_here, monkeypatch):
    monkeypatch.setattr(app, "OFFER_SECONDS", 0.01)
    assert (await opened_with(Silent())).dials == ()


async def test_dials_that_were_named_are_told_when_they_cannot_be_had(steer_here):
    with pytest.raises(Unreachable, match="Nobody is there"):
        await opened_with(Refusing(Unreachable("Nobody is there.")), dials=("sea=4",))
