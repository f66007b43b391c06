"""Nothing of a server is left, however the app that started it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from engines.interp.processes import Place, gone, is_running, parent_of, until, until_it_is_noticed

import steer_tui
from steer_tui.domain import Unreachable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no server is started on Windows")

Begin = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def begin(place: Place) -> Generator[Begin]:
    """Start an app in a process group of its own, as a shell does."""
    apps: list[subprocess.Popen[bytes]] = []

    def start(how: str, *arguments: str) -> "subprocess.Popen[bytes]":
        tests = Path(__file__).parent.parent.parent
        app = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "an_app.py"), str(place.folder), how, *arguments],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tests), str(Path(steer_tui.__file__).parent.parent)])},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
            # A suite that was started in the background ignores interrupts, and would hand that down.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        apps.append(app)
        return app

    yield start
    for app in apps:
        app.kill()
        app.wait()


@pytest.mark.parametrize("arguments", [(), ("--deaf", "--worker"), ("--wait-for", "ever")], ids=" ".join)
async def test_an_app_that_is_killed(place: Place, begin: Begin, arguments: tuple[str, ...]) -> None:
    app = begin("careful", *arguments)
    await place.started()
    if "--wait-for" not in arguments:
        await until((place.folder / "ready").exists)
    [start] = place.starts
    keeper = parent_of(start["pid"])
    app.kill()
    await gone(start["pid"], keeper)
    if start["worker"]:
        await gone(start["worker"])


@pytest.mark.parametrize("arguments", [(), ("--wait-for", "ever")], ids=["ready", "loading"])
async def test_a_ctrl_c_goes_to_the_app_alone_which_ends_its_server(
    place: Place, begin: Begin, arguments: tuple[str, ...]
) -> None:
    app = begin("careful", *arguments)
    await place.started()
    if not arguments:
        await until((place.folder / "ready").exists)
    [pid] = place.pids
    keeper = parent_of(pid)
    assert len({os.getpgid(app.pid), os.getpgid(pid), os.getpgid(keeper)}) == 3
    os.killpg(app.pid, signal.SIGINT)
    await until(lambda: app.poll() is not None)
    assert not is_running(pid)
    assert not is_running(keeper)


async def test_an_app_that_fails_and_closes_nothing(place: Place, begin: Begin) -> None:
    app = begin("careless")
    await until(lambda: app.poll() is not None)
    assert (place.folder / "ready").exists()
    await gone(*place.pids)


async def test_a_keeper_that_is_killed_takes_the_server_and_all_that_it_started_with_it(place: Place) -> None:
    server = place.managed("--deaf", "--worker")
    await server.address()
    [start] = place.starts
    os.kill(parent_of(start["pid"]), signal.SIGKILL)
    await gone(start["pid"])
    with pytest.raises(Unreachable, match="has ended"):
        await until_it_is_noticed(server)
    await gone(start["worker"])
    await server.aclose()


@pytest.mark.skipif(sys.platform != "linux", reason="no other system ends a process with its parent")
async def test_an_app_and_a_keeper_that_are_killed_at_once(place: Place, begin: Begin) -> None:
    app = begin("careful")
    await until((place.folder / "ready").exists)
    [pid] = place.pids
    keeper = parent_of(pid)
    app.send_signal(signal.SIGSTOP)
    os.kill(keeper, signal.SIGKILL)
    await gone(pid)
    app.kill()
