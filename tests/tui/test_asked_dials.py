"""Dials that a service is asked for once the app is open: they come, come late, or cannot be had."""

from functools import partial
from pathlib import Path

from cli.service import BRIDGE, MODEL, limited, routes
from hosted_stage import failure, notice, steers
from loopback import Loopback
from scripted_engine import FEATURES, Gate
from stage import laid_out, main_screen, make_app, rack, until, values
from textual.widgets import OptionList

from steer_tui.cli.dials import offered_dials, resolve_dials, written_dials
from steer_tui.domain import Dial, Unreachable
from steer_tui.engines.neuronpedia import HostedNeuronpedia
from steer_tui.tui.screens.features import FeaturesScreen


async def test_the_app_opens_without_the_service_and_says_so_where_it_is_asked(tmp_path: Path) -> None:
    engine = HostedNeuronpedia(MODEL, url="http://127.0.0.1:1", answers=tmp_path)
    find_dials = partial(offered_dials, engine)
    async with make_app(engine, dials=(), find_dials=find_dials).run_test() as pilot:
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
        async with make_app(engine, dials=(), find_dials=find_dials, auto=True).run_test() as pilot:
            await until(pilot, lambda: values(pilot) == [4.0, 0.0, 0.0, 0.0])
            await pilot.pause(0.2)
            assert steers(server) == []
            assert main_screen(pilot).controller.inputs.dials == rack(pilot).rack.dials


async def test_a_dial_that_was_named_and_cannot_be_looked_up_is_told_and_asked_for_once_more(tmp_path: Path) -> None:
    async with Loopback(routes()) as server:
        path = f"GET /api/feature/{BRIDGE}"
        answers, server.routes[path] = server.routes[path], limited
        engine = HostedNeuronpedia(MODEL, url=server.url, answers=tmp_path)
        find_dials = partial(resolve_dials, engine, written_dials([f"{BRIDGE}=5"], "--dial"))
        async with make_app(engine, dials=(), find_dials=find_dials).run_test(size=(60, 20)) as pilot:
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
        async with make_app(engine, dials=(), find_dials=find_dials).run_test() as pilot:
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

    async with make_app(dials=(), find_dials=find_dials, auto=False).run_test() as pilot:
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

    async with make_app(dials=(), find_dials=find_dials, auto=False).run_test() as pilot:
        await laid_out(pilot)
        rack(pilot).change(rack(pilot).rack.add(FEATURES[1]))
        await pilot.pause()
        gate.let()
        await until(pilot, lambda: any("came after yours" in toast.message for toast in pilot.app._notifications))
        assert [dial.feature for dial in rack(pilot).rack.dials] == [FEATURES[1]]
