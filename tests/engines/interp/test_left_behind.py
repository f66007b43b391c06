"""Nothing of a server is left, however the app that started it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from engines.interp.processes import Place, gone, is_running, parent_of, until, until_it_is_noticed

import steer_tui
from steer_tui.domain import Unreachable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no server is started on Windows")

Begin = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def begin(tmp_path: Path) -> Generator[Begin]:
    """Start an app of servers in a process group of its own, as a shell does."""
    apps: list[subprocess.Popen[bytes]] = []

    def start(how: str, *kinds: str) -> "subprocess.Popen[bytes]":
        tests = Path(__file__).parent.parent.parent
        app = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "an_app.py"), str(tmp_path), how, *kinds],
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


async def servers_in(folder: Path, *kinds: str) -> dict[str, dict[str, Any]]:
    """What the servers of an app have noted, once those that can be are ready; and which process keeps each."""
    found = {}
    for kind in kinds:
        place = Place(folder / kind)
        await place.started()
        if kind != "loading":
            await until((place.folder / "ready").exists)
        [start] = place.starts
        found[kind] = start | {"keeper": parent_of(start["pid"])}
    return found


async def test_an_app_that_is_killed(tmp_path: Path, begin: Begin) -> None:
    app = begin("careful", "ready", "deaf", "loading")
    servers = await servers_in(tmp_path, "ready", "deaf", "loading")
    pids = {f"{kind} {what}": server[what] for kind, server in servers.items() for what in ("pid", "keeper")}
    pids["deaf worker"] = servers["deaf"]["worker"]
    app.kill()
    with suppress(TimeoutError):
        await gone(*pids.values())
    assert [name for name, pid in pids.items() if is_running(pid)] == []


async def test_a_ctrl_c_goes_to_the_app_alone_which_ends_its_servers(tmp_path: Path, begin: Begin) -> None:
    app = begin("careful", "ready", "loading")
    servers = await servers_in(tmp_path, "ready", "loading")
    for server in servers.values():
        assert len({os.getpgid(pid) for pid in (app.pid, server["pid"], server["keeper"])}) == 3
    os.killpg(app.pid, signal.SIGINT)
    await until(lambda: app.poll() is not None)
    for kind, server in servers.items():
        assert not is_running(server["pid"]), kind
        assert not is_running(server["keeper"]), kind


async def test_an_app_that_fails_and_closes_nothing(tmp_path: Path, begin: Begin) -> None:
    app = begin("careless", "ready")
    await until(lambda: app.poll() is not None)
    place = Place(tmp_path / "ready")
    assert (place.folder / "ready").exists()
    await gone(*place.pids)


async def test_a_keeper_that_is_killed_takes_the_server_and_all_that_it_started_with_it(tmp_path: Path) -> None:
    place = Place(tmp_path)
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
async def test_an_app_and_a_keeper_that_are_killed_at_once(tmp_path: Path, begin: Begin) -> None:
    app = begin("careful", "ready")
    servers = await servers_in(tmp_path, "ready")
    app.send_signal(signal.SIGSTOP)
    os.kill(servers["ready"]["keeper"], signal.SIGKILL)
    await gone(servers["ready"]["pid"])
    app.kill()
