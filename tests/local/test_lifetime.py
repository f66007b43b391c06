"""The server that is started for a model is never left behind, however the app ends."""

import asyncio
import os
import signal
import sys
import threading
from contextlib import aclosing, suppress

import pexpect
import pytest

pytest.importorskip("interp_engine", reason="the extra `local` is not installed")

from local.serving import PROCESSES, servers_of, wait_for
from local.tiny_model import PROMPT

from steer_tui.engines.interp.serving.managed import Managed

pytestmark = [pytest.mark.local, pytest.mark.skipif(not PROCESSES.exists(), reason="looks for processes in /proc")]


@pytest.fixture
def own_model(model, tmp_path):
    """The tiny model under a name that no other server has; what still serves it in the end is ended."""
    folder = tmp_path / "own-model"
    folder.symlink_to(model)
    yield folder
    for left in servers_of(folder):
        os.kill(left, signal.SIGKILL)


async def started(model):
    """Both of the server and its keeper run."""
    await asyncio.to_thread(wait_for, lambda: len(servers_of(model)) == 2)


async def gone(model):
    await asyncio.to_thread(wait_for, lambda: not servers_of(model))


async def test_nobody_waits_for_it_any_more_while_it_loads(own_model):
    managed = Managed(str(own_model))
    waiting = asyncio.create_task(managed.address())
    await started(own_model)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await gone(own_model)
    await managed.aclose()


async def test_an_error_beside_it_while_it_loads(own_model):
    with pytest.raises(ExceptionGroup):
        async with aclosing(Managed(str(own_model))) as managed, asyncio.TaskGroup() as group:
            group.create_task(managed.address())
            await started(own_model)
            raise ValueError
    assert not servers_of(own_model)


RUN = ("run", "--prompt", PROMPT, "--max-tokens", "2000", "--temperature", "0", "--no-canary", "--model")


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)]
)
async def test_a_signal_to_the_app_while_it_loads(steer, own_model, sent, code):
    process = steer.start(*RUN, str(own_model))
    await started(own_model)
    process.send_signal(sent)
    _, said = await asyncio.to_thread(process.communicate, timeout=30)
    assert process.returncode == code
    assert "Traceback" not in said
    await gone(own_model)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
async def test_a_signal_to_the_app_while_the_text_streams(steer, own_model, sent, code):
    process = steer.start(*RUN, str(own_model))
    assert (await asyncio.to_thread(process.stdout.read, 5)) == " snow"
    process.send_signal(sent)
    _, said = await asyncio.to_thread(process.communicate, timeout=30)
    assert process.returncode == code
    assert "Traceback" not in said
    await gone(own_model)


ENTER, ESCAPE, CTRL_Q = "\r", "\x1b", "\x11"


@pytest.fixture
def app(own_model, tmp_path):
    """The app in a terminal, its server loading; what it draws is read all the while."""
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "steer_tui", "--model", str(own_model), "--prompt", PROMPT],
        env={**os.environ, "TERM": "xterm-256color", **home},
        dimensions=(36, 120),
    )
    reading = threading.Thread(target=drain, args=[terminal])
    reading.start()
    wait_for(lambda: len(servers_of(own_model)) == 2)
    yield terminal
    terminal.terminate(force=True)
    reading.join()


def drain(terminal):
    with suppress(pexpect.EOF):
        while True:
            with suppress(pexpect.TIMEOUT):
                terminal.read_nonblocking(65536, timeout=0.1)


def test_the_app_is_left_while_it_loads(app, own_model):
    app.send(CTRL_Q)
    wait_for(lambda: not app.isalive())
    assert (app.exitstatus, servers_of(own_model)) == (0, set())


def test_esc_while_it_loads_ends_the_server_and_leaves_the_app_open(app, own_model):
    app.send(ENTER)
    app.send(ESCAPE)
    wait_for(lambda: not servers_of(own_model))
    assert app.isalive()
    app.send(CTRL_Q)
    wait_for(lambda: not app.isalive())
    assert app.exitstatus == 0
