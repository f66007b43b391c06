"""`steer-tui serve` as a process of its own, and who asks it."""

import json
import re
import signal
import socket
import sys
from contextlib import contextmanager

import httpx
import pytest

for needed in ("starlette", "uvicorn", "limits"):
    pytest.importorskip(needed, reason="what the extra `serve` brings is not installed")

PROMPT = ("--prompt", "Once upon a time", "--max-tokens", "12")
TOKEN = "tok-0Secret1"
BOTH_STAGES = "steer-tui: Starting the server …\nsteer-tui: The server loads toy …\n"


@contextmanager
def serving(steer, *flags):
    """A server on a free port: its process, its address, and what it has said by then."""
    process = steer.start("serve", "--port", "0", *flags)
    said = ""
    try:
        while not (there := re.search(r" answers at (http://\S+?);", said)):
            line = process.stderr.readline()
            assert line, f"the server ended: {said}"
            said += line
        yield process, there[1], said
    finally:
        process.kill()
        process.communicate()


def ask(url, **headers):
    """An answer, without the certificates that take longest to read."""
    return httpx.get(url, headers=headers, verify=False)


def test_what_it_serves_is_what_the_engine_itself_writes_also_through_a_gateway_in_front_of_it(steer, steer_here):
    run = ("run", *PROMPT, "--dial", "winter=6", "--lane", "both")
    here = steer_here(*run)
    assert len(here.stdout) > 100
    with serving(steer) as (_, url, said):
        assert said == (
            f"steer-tui: stories-2M (builtin) answers at {url}; programs on this machine need no token. "
            "Ctrl-C ends it.\n"
        )
        there = steer_here(*run, "--url", url)
        assert (there.returncode, there.stderr, there.stdout) == (0, "", here.stdout)
        listed = steer_here("features", "winter", "--json", "--url", url)
        assert json.loads(listed.stdout.splitlines()[0])["label"] == "winter"
        looked = json.loads(steer_here("doctor", "--json", "--url", url).stdout)
        [gateway] = [engine for engine in looked["engines"] if engine["isChosen"]]
        assert (gateway["name"], gateway["works"], gateway["model"]) == ("gateway", True, "stories-2M")
        steer.variables["STEER_TUI_SERVE_TOKEN"] = TOKEN
        with serving(steer, "--url", url) as (_, front, said):
            assert said.endswith("; a token is needed. Ctrl-C ends it.\n")
            assert TOKEN not in said
            assert ask(f"{front}/api/info").status_code == 401
            assert ask(f"{front}/api/info", Authorization=f"Bearer {TOKEN}").json()["liveDials"]
            steer_here.set("STEER_TUI_GATEWAY_TOKEN", TOKEN)
            there = steer_here(*run, "--url", front)
            assert (there.returncode, there.stdout) == (0, here.stdout)


def test_an_interrupt_ends_it_in_good_order_with_a_word_to_every_open_stream(scripted, tmp_path):
    with serving(scripted("never ends")) as (process, url, _):
        with httpx.stream("POST", f"{url}/api/generate", json={"prompt": "x"}, timeout=20, verify=False) as stream:
            lines = stream.iter_lines()
            assert any(" more" in line for line in lines)
            process.send_signal(signal.SIGINT)
            rest = list(lines)
        assert rest[-3] == "event: error"
        assert json.loads(rest[-2].removeprefix("data: "))["code"] == "unreachable"
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (130, "", "")
    assert (tmp_path / "closed").exists()


def test_with_a_token_nobody_is_answered_without_it_each_is_a_client_and_none_is_ever_told(steer, steer_here, tmp_path):
    steer.write_own("[serve]\nrate_limit = '1/hour'\n")
    kept = tmp_path / "tokens"
    kept.write_text(f"{TOKEN}\n\ntok-another1\n")
    kept.chmod(0o600)
    with serving(steer, "--host", "0.0.0.0", "--token-file", str(kept)) as (_, url, said):
        assert said.startswith("steer-tui: stories-2M (builtin) answers at http://0.0.0.0:")
        assert said.endswith("; a token is needed. Ctrl-C ends it.\n")
        for token, code, words in (
            ("", 1, "wants a token, and none is set"),
            ("tok-0Secret2", 1, "does not accept this token"),
            (TOKEN, 0, ""),
            (TOKEN, 4, r"Try again in \d+ seconds\.$"),  # the hour of the config's limit has begun
            ("tok-another1", 0, ""),
        ):
            steer_here.set("STEER_TUI_GATEWAY_TOKEN", token)
            done = steer_here("run", *PROMPT, "--url", url.replace("0.0.0.0", "127.0.0.1"))
            assert (token, done.returncode) == (token, code), done.stderr
            assert re.search(words, done.stderr.strip()), token
            assert not any(each in said + done.stderr for each in (TOKEN, "tok-another1", "tok-0Secret2"))


def test_loading_and_warnings_are_told_before_it_answers_and_sigterm_ends_it_with_0(scripted, tmp_path):
    with serving(scripted("loads and warns")) as (process, url, said):
        warning = "steer-tui: Steering has no effect␛ here.\n"
        assert said.startswith(f"{BOTH_STAGES}{warning}steer-tui: toy (builtin) answers at {url};")
        process.send_signal(signal.SIGTERM)
        assert (*process.communicate(timeout=20), process.returncode) == ("", "", 0)
    assert (tmp_path / "closed").exists()


def test_an_interrupt_while_the_model_loads_ends_with_130_and_closes_the_engine(scripted, tmp_path):
    process = scripted("loads for ever").start("serve", "--port", "0")
    assert process.stderr.readline() == "steer-tui: Starting the server …\n"
    process.send_signal(signal.SIGINT)
    assert (*process.communicate(timeout=20), process.returncode) == ("", "", 130)
    assert (tmp_path / "closed").exists()


def test_a_port_that_is_taken_is_told_before_a_model_is_loaded(scripted_here, tmp_path):
    steer = scripted_here("loads for ever")
    steer.set("CLOSED", str(tmp_path / "closed"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = steer("serve", "--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"steer-tui: The server cannot listen on 127.0.0.1, port {port}: Address already in use. "
        "Choose another with --port or --host.\n"
    )
    assert not (tmp_path / "closed").exists()


def test_without_what_it_is_built_on_it_is_told_how_to_get_it(steer_here, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = steer_here("serve")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "steer-tui: To serve, uvicorn is needed, and not installed. "
        "Install what is needed with: pip install 'steer-tui[serve]'.\n"
    )


def test_no_other_command_loads_the_server(steer):
    watched = """
import sys
from steer_tui.cli import main
for arguments in (["--help"], ["features", "sea"], ["serve", "--help"]):
    sys.argv = ["steer-tui", *arguments]
    try:
        main()
    except SystemExit:
        loaded = {"starlette", "uvicorn", "limits"} & {name.partition(".")[0] for name in sys.modules}
        print(*arguments, loaded, file=sys.stderr)
"""
    steer.program = ["-c", watched]
    assert steer().stderr == "--help set()\nfeatures sea set()\nserve --help set()\n"


def test_a_fault_of_the_server_is_told_to_whoever_runs_it_without_what_it_said(steer):
    program = """
import sys
from steer_tui.cli import main
from steer_tui.server.endpoints import Endpoints
async def break_down(self, request):
    raise KeyError("/secret/path")
Endpoints.health = break_down
sys.argv = ["steer-tui", *sys.argv[1:]]
main()
"""
    steer.program = ["-c", program]
    with serving(steer) as (process, url, _):
        assert ask(f"{url}/health").status_code == 500
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert err == "steer-tui: a request broke: KeyError in <string>, line 6\n"
