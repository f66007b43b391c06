"""A server of our own: started when it is needed, told of while it loads, ended with whoever needed it."""

import asyncio
import errno
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from engines.interp.processes import Place, command_line_of, gone, is_running, parent_of, until, until_it_is_noticed

from steer_tui.domain import NotFound, Rejected, SteerError, Unreachable, Unsupported
from steer_tui.engines.interp.serving import managed
from steer_tui.engines.interp.serving.child import Child
from steer_tui.engines.interp.serving.launch import Launch, local_folder
from steer_tui.engines.interp.serving.managed import PORTS_MAX, Managed
from steer_tui.engines.interp.serving.server import Server
from steer_tui.engines.interp.serving.server_log import ServerLog

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no server is started on Windows")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@asynccontextmanager
async def closing(server: Managed) -> AsyncGenerator[Managed, None]:
    try:
        yield server
    finally:
        await server.aclose()


@asynccontextmanager
async def waiting(server: Server) -> AsyncGenerator[asyncio.Task[object], None]:
    """Somebody who waits for the server's address."""
    task: asyncio.Task[object] = asyncio.create_task(server.address())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


def stage(server: Managed) -> Callable[[str], bool]:
    return lambda words: words in (server.loading.stage if server.loading else "")


async def test_it_is_started_when_it_is_first_needed_and_ended_at_the_close(place: Place) -> None:
    async with closing(place.managed()) as server:
        assert place.starts == []
        found = await server.address()
        assert found.url.startswith("http://127.0.0.1:")
        assert await server.address() == found
        assert server.loading is None
        [pid] = place.pids
        keeper = parent_of(pid)
        assert is_running(pid)
    for one in (pid, keeper):
        with pytest.raises(ProcessLookupError):  # not even as one that ended and that nobody has taken note of
            os.kill(one, 0)
    await server.aclose()


async def test_its_token_is_its_own_and_in_its_environment_alone_and_the_keys_of_others_are_not(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NEURONPEDIA_API_KEY", "OPENAI_API_KEY", "INFERENCE_SERVER_SECRET", "STEER_TUI_KEY"):
        monkeypatch.setenv(name, "hidden")
    monkeypatch.setenv("HF_TOKEN", "for-the-hub")
    monkeypatch.setenv("INTERP_ENGINE_SERVER_TOKEN", "of-another-server")
    async with closing(place.managed()) as server:
        found = await server.address()
        [start] = place.starts
        assert found.token is not None
        token = found.token.get_secret_value()
        assert len(token) >= 32
        assert start["environment"]["INTERP_ENGINE_SERVER_TOKEN"] == token
        assert start["environment"]["HF_TOKEN"] == "for-the-hub"
        assert "hidden" not in start["environment"].values()
        assert token not in repr(found)
        assert not any(token in argument for argument in start["arguments"])
        for pid in (start["pid"], parent_of(start["pid"])):
            shown = command_line_of(pid)
            assert "small_server.py" in shown
            assert token not in shown
        async with closing(place.managed()) as other:
            assert (await other.address()).token != found.token


async def test_its_loading_is_told_as_it_is(place: Place) -> None:
    async with closing(place.managed("--say", "reading shard 1\n", "--wait-for", "loaded")) as server:
        async with waiting(server) as address:
            await until(lambda: stage(server)("the server loads small/model"))
            told = server.loading
            assert told is not None
            assert told.last_line == "reading shard 1"
            place.give("loaded")
            await address
        assert server.loading is None


async def test_a_progress_bar_shows_as_it_stands_and_nothing_of_a_log_reaches_the_terminal(place: Place) -> None:
    said = "loading:  10%\rloading:  60%\r\x1b[1;36mloading:\x1b[0m  90%\x1b[2J \x07"
    async with closing(place.managed("--say", said, "--wait-for", "ever")) as server, waiting(server):
        await until(lambda: server.loading and server.loading.last_line)
        assert server.loading is not None
        assert server.loading.last_line == "loading: 90% ␇"


async def test_a_log_that_never_ends_does_not_hold_the_server_up(place: Place) -> None:
    async with closing(place.managed("--say", ("x" * 999 + "\n") * 100)) as server:
        await server.address()


async def test_several_who_wait_share_one_server(place: Place) -> None:
    async with closing(place.managed("--wait-for", "loaded")) as server:
        async with waiting(server) as one, waiting(server) as other, waiting(server) as third:
            await place.started()
            third.cancel()
            await asyncio.wait([third])
            place.give("loaded")
            assert await one == await other
        assert len(place.pids) == 1


async def test_when_nobody_waits_any_more_it_is_ended_and_who_comes_later_has_another(place: Place) -> None:
    async with closing(place.managed("--wait-for", "loaded")) as server:
        async with waiting(server), waiting(server):
            await place.started()
        assert server.loading is None
        place.give("loaded")
        await server.address()
        first, second = place.pids
        assert not is_running(first)
        assert is_running(second)


async def test_a_close_while_it_loads_ends_it_and_tells_who_waits(place: Place) -> None:
    server = place.managed("--wait-for", "ever")
    async with waiting(server) as address:
        await place.started()
        await server.aclose()
        assert not is_running(place.pids[0])
        with pytest.raises(Rejected, match="closed"):
            await address
    with pytest.raises(Rejected, match="closed"):
        await server.address()


async def test_one_that_does_not_end_when_asked_to_is_killed(place: Place) -> None:
    async with closing(place.managed("--deaf")) as server:
        await server.address()
    assert not is_running(place.pids[0])


async def test_what_it_has_started_itself_ends_with_it(place: Place) -> None:
    async with closing(place.managed("--worker")) as server:
        await server.address()
        worker = place.starts[0]["worker"]
        assert is_running(worker)
    await gone(worker)


async def test_one_that_dies_while_it_starts_tells_why(place: Place) -> None:
    said = "Traceback (most recent call last):\n  File ...\nOSError: no file named config.json\nwarning: leaked\n"
    async with closing(place.managed("--say", said, "--exit", "1")) as server:
        with pytest.raises(Unreachable) as raised:
            await server.address()
    assert raised.value.message == (
        "The server ended before it had loaded small/model: OSError: no file named config.json"
    )
    assert "config.json" in raised.value.hint
    assert raised.value.code == "unreachable"
    assert not raised.value.passing
    assert len(place.starts) == 1


async def test_one_that_dies_without_a_word_tells_its_exit_code(place: Place) -> None:
    async with closing(place.managed("--exit", "3")) as server:
        with pytest.raises(Unreachable, match=r"without a word \(exit code 3\)"):
            await server.address()


async def test_one_that_was_killed_is_told_so(place: Place) -> None:
    async with closing(place.managed("--wait-for", "ever")) as server, waiting(server) as address:
        await place.started()
        os.kill(place.pids[0], signal.SIGKILL)
        with pytest.raises(Unreachable, match="killed"):
            await address


async def test_one_that_somebody_has_ended_is_told_so(place: Place) -> None:
    async with closing(place.managed()) as server:
        await server.address()
        os.kill(place.pids[0], signal.SIGTERM)
        with pytest.raises(Unreachable, match="somebody has sent it a SIGTERM"):
            await until_it_is_noticed(server)


async def test_a_model_that_cannot_be_loaded_is_told_in_the_servers_words_and_the_server_ends(place: Place) -> None:
    async with closing(place.managed("--failure", "OSError: not a valid\nmodel identifier")) as server:
        with pytest.raises(Rejected) as raised:
            await server.address()
        assert raised.value.message == "The server could not load small/model: OSError: not a valid model identifier"
        assert "id" in raised.value.hint
        assert not is_running(place.pids[0])


async def test_one_that_has_ended_since_is_told_of_and_then_started_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with closing(place.managed("--say", "RuntimeError: a bad kernel\n")) as server:
        await server.address()
        os.kill(place.pids[0], signal.SIGUSR1)
        await gone(place.pids[0])
        with pytest.raises(Unreachable, match=r"has ended: RuntimeError: a bad kernel") as raised:
            await until_it_is_noticed(server)
        assert not raised.value.passing
        told = await asyncio.gather(server.address(), server.address(), return_exceptions=True)
        assert {str(error) for error in told} == {str(raised.value)}
        assert len(place.pids) == 1
        monkeypatch.setattr(managed, "TELLING_SECONDS", 0.0)
        await server.address()
        assert len(place.pids) == 2
    assert not any(map(is_running, place.pids))


async def test_a_port_that_somebody_else_took_is_given_up_for_another(place: Place) -> None:
    async with closing(place.managed("--starts-that-fail", "2")) as server:
        await server.address()
    ports = [start["arguments"][start["arguments"].index("--port") + 1] for start in place.starts]
    assert len(set(ports)) == 3


async def test_another_server_that_answers_at_the_port_is_not_taken_for_ours(place: Place) -> None:
    async with closing(place.managed("--starts-of-another", "1")) as server:
        await server.address()
        other, ours = place.pids
        assert not is_running(other)
        assert is_running(ours)


async def test_ports_are_not_tried_for_ever(place: Place) -> None:
    async with closing(place.managed("--starts-that-fail", "99")) as server:
        with pytest.raises(SteerError, match="port"):
            await server.address()
    assert len(place.starts) == PORTS_MAX


@pytest.mark.parametrize(
    "arguments",
    [("--host", "0.0.0.0"), ("--host=0.0.0.0",), ("--hos", "x"), ("--port=1",), ("--mod=x",), ("--insecure-no-auth",)],
)
async def test_arguments_that_would_open_it_to_others_are_refused(place: Place, arguments: tuple[str, ...]) -> None:
    async with closing(place.managed(*arguments)) as server:
        with pytest.raises(Rejected, match="decided by steer-tui"):
            await server.address()
    assert place.starts == []


async def test_a_folder_that_is_not_there_is_told_before_anything_is_started(place: Place) -> None:
    async with closing(place.managed(model=str(place.folder / "nothing"))) as server:
        with pytest.raises(NotFound, match="no folder"):
            await server.address()
    assert place.starts == []


async def test_a_folder_is_named_from_the_root_however_it_was_named(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.folder / "models" / "mine"
    folder.mkdir(parents=True)
    (place.folder / "linked").symlink_to(folder)
    monkeypatch.chdir(place.folder)
    monkeypatch.setenv("HOME", str(place.folder))
    for named in ("models/mine", "./models/mine/", "~/models/mine", "models/../models/mine"):
        assert local_folder(named) == folder
    assert local_folder("linked") == place.folder / "linked"
    assert [local_folder(named) for named in ("google/gemma-2-2b", "", "~nobody-here/x", "a" * 5000)] == [None] * 4
    async with closing(place.managed(model="models/mine")) as server:
        await server.address()
    arguments = place.starts[0]["arguments"]
    assert arguments[arguments.index("--model") + 1] == str(folder)


@pytest.mark.parametrize("connected", [0, 1])
async def test_one_that_cannot_be_listened_to_is_not_waited_for(
    connected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    connect, pipes = loop.connect_read_pipe, []

    async def connect_some(protocol: Any, pipe: Any) -> Any:
        pipes.append(pipe)
        if len(pipes) > connected:
            raise OSError(errno.EMFILE, "Too many open files")
        return await connect(protocol, pipe)

    monkeypatch.setattr(loop, "connect_read_pipe", connect_some)
    async with asyncio.timeout(30):
        with pytest.raises(OSError, match="Too many"):
            await Child.start([sys.executable, "-c", "pass"], os.environ, ServerLog())
    await asyncio.sleep(0)
    assert all(pipe.closed for pipe in pipes)


@pytest.mark.parametrize("model", ["", "--insecure-no-auth"])
async def test_a_model_that_is_none_is_refused(place: Place, model: str) -> None:
    async with closing(place.managed(model=model)) as server:
        with pytest.raises(Rejected, match="folder or by its id"):
            await server.address()


async def test_without_the_engine_installed_it_says_what_to_install() -> None:
    async with closing(Managed("m", (), Launch((sys.executable, "-m", "nothing"), "nothing_of_that_name"))) as server:
        with pytest.raises(Unsupported) as raised:
            await server.address()
    assert "pip install 'steer-tui[local]'" in raised.value.hint


async def test_a_command_that_is_none() -> None:
    async with closing(Managed("m", (), Launch(("/nowhere/at/all",)))) as server:
        with pytest.raises(Unreachable, match="cannot be started: No such file"):
            await server.address()
