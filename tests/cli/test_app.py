"""What `steer-tui` opens the app with; the app itself is tested elsewhere."""

import asyncio

import pytest
from scripted_engine import FEATURES, ScriptedEngine

from steer_tui.cli.app import app_options
from steer_tui.cli.options import Flags
from steer_tui.cli.settings import read_settings
from steer_tui.domain import InvalidValue, Method, RateLimited, SteerError, TimedOut, Unauthorized, Unreachable
from steer_tui.generation import Deadlines, patience


async def opened_with(asked=None, **flags):
    return await app_options(read_settings(Flags(**flags)), asked or ScriptedEngine())


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
    options = await opened_with(prompt="Hello", seed=3, stop=("a", "b"), method="ablate")
    other = await opened_with(dials=("sea=-4",))
    assert [(dial.feature.label, dial.value) for dial in options.dials] == [("winter", 2.0)]
    assert [(dial.feature.label, dial.value) for dial in other.dials] == [("sea", -4.0)]
    assert (options.prompt, options.sampling.seed, options.sampling.stop) == ("Hello", 3, ("a", "b"))
    assert (options.method, other.method) == (Method.ABLATE, Method.ADDITIVE)
    assert (options.auto, options.live, options.debounce, options.pace) == (False, True, 0.02, 5.0)
    assert options.deadlines == Deadlines(300.0, None, 9.0)
    assert options.keys == {"main.now": "f5"}


SERVICE = "neuronpedia"


async def test_a_service_is_asked_for_dials_only_once_the_app_is_open(steer_here):
    offered = await opened_with(engine=SERVICE)
    named = await opened_with(engine=SERVICE, dials=("sea=-4",))
    assert (offered.dials, named.dials) == ((), ())
    assert [dial.value for dial in await offered.find_dials()] == [4.0, 0.0, 0.0, 0.0]
    assert [(dial.feature.label, dial.value) for dial in await named.find_dials()] == [("sea", -4.0)]
    assert (await opened_with()).find_dials is None


@pytest.mark.parametrize("error", [Unreachable("Nobody is there.", hint="Go there."), Unauthorized("No key.")])
@pytest.mark.parametrize(
    ("flags", "failed"), [((), "There are no dials yet"), (("sea=4",), "The dial 'sea' could not be looked up")]
)
async def test_dials_that_a_service_does_not_tell_are_told_with_their_name_the_reason_and_what_to_do(
    steer_here, error, flags, failed
):
    options = await opened_with(Refusing(error), engine=SERVICE, dials=flags)
    with pytest.raises(type(error)) as told:
        await options.find_dials()
    assert (told.value.message, told.value.hint) == (f"{failed}: {error.message}", error.hint)


async def test_a_rate_limit_on_a_dial_names_no_countdown_and_keeps_its_seconds(steer_here):
    options = await opened_with(Refusing(RateLimited("Too many.", retry_after=12)), engine=SERVICE, dials=("sea=4",))
    with pytest.raises(RateLimited) as told:
        await options.find_dials()
    assert (told.value.hint, told.value.retry_after) == ("Wait a while, then try again.", 12)


async def test_a_service_that_does_not_answer_is_not_waited_for_for_ever(steer_here, monkeypatch):
    monkeypatch.setattr(patience, "SECONDS", 0.01)
    options = await opened_with(Silent(), engine=SERVICE, dials=("sea=4",))
    with pytest.raises(TimedOut, match="The dial 'sea' could not be looked up: The engine did not answer"):
        await options.find_dials()


async def test_a_dial_that_cannot_be_ends_the_command_where_no_service_has_to_be_asked(steer_here):
    with pytest.raises(InvalidValue, match="There is no feature 'nope'"):
        await opened_with(dials=("nope=4",))
    with pytest.raises(InvalidValue, match="A dial is FEATURE=VALUE"):
        await opened_with(engine=SERVICE, dials=("nope",))


async def test_chat_and_raw_strengths_reach_the_app(steer_here):
    options = await opened_with(engine=SERVICE, chat=True, raw=True, dials=("sea=-50",))
    assert options.chat
    assert [dial.value for dial in await options.find_dials()] == [-25.0]
    assert not (await opened_with(engine=SERVICE)).chat
