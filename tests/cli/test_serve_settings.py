"""What the server is started with: flags over the config, tokens from where both say, and what cannot be."""

import pytest

pytest.importorskip("limits", reason="what the extra `serve` brings is not installed")

from steer_tui.cli.serve_settings import ServeFlags, read_serve_settings
from steer_tui.config import load_config, user_file
from steer_tui.domain import InvalidValue
from steer_tui.server import ServeSettings

TOKEN = "tok-0Secret1"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))
    monkeypatch.chdir(tmp_path)
    for variable in ("STEER_TUI_SERVE_TOKEN", "MINE"):
        monkeypatch.delenv(variable, raising=False)


def own(text):
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text(text)
    return user_file()


def read(**flags):
    return read_serve_settings(ServeFlags(**flags), load_config(None, {}))


def kept(path, text=f"{TOKEN}\n", mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


def test_without_flags_and_a_config_of_ones_own_it_is_what_the_server_has_by_itself():
    assert read() == ServeSettings()


def test_every_key_of_the_config_counts_and_every_flag_over_it(tmp_path):
    tokens = kept(tmp_path / "tokens")
    own(
        f"[serve]\nhost = '::'\nport = 1\ntoken_file = '{tokens}'\nrate_limit = '2/hour'\nstorage = 'redis://a'\n"
        "origins = ['https://a.example']\ntrusted_proxies = ['10.0.0.0/8']\nkeep = 3\ndeadline = 4.5\nat_once = 5\n"
        "queue = 6\n"
    )
    assert read() == ServeSettings(
        host="::",
        port=1,
        tokens=(TOKEN,),
        rate_limit="2/hour",
        storage="redis://a",
        origins=("https://a.example",),
        trusted_proxies=("10.0.0.0/8",),
        keep_seconds=3.0,
        generation_seconds=4.5,
        generations=5,
        queue=6,
    )
    given = {"rate_limit": "7/minute", "storage": "memory://", "origins": ("https://b.example",), "keep": 0.0}
    settings = read(
        host="0.0.0.0", port=0, token_file=kept(tmp_path / "b", "tok-b-0Secret"), trusted_proxies=("::1",), **given
    )
    assert settings == ServeSettings(
        host="0.0.0.0",
        port=0,
        tokens=("tok-b-0Secret",),
        rate_limit="7/minute",
        origins=("https://b.example",),
        trusted_proxies=("::1",),
        keep_seconds=0.0,
        generation_seconds=4.5,
        generations=5,
        queue=6,
    )


def test_a_token_comes_from_a_file_a_line_each_else_from_the_variable_that_the_config_names(tmp_path, monkeypatch):
    monkeypatch.setenv("MINE", f" {TOKEN}\n")
    assert read().tokens == ()
    own("[serve]\ntoken_env = 'MINE'\n")
    assert read().tokens == (TOKEN,)
    file = kept(tmp_path / "tokens", "tok-first\r\n\n  tok-second \n")
    assert read(token_file=file).tokens == ("tok-first", "tok-second")


def test_a_file_of_tokens_that_everybody_can_read_is_told_and_taken(tmp_path, capsys):
    assert read(token_file=kept(tmp_path / "tokens", mode=0o644)).tokens == (TOKEN,)
    assert capsys.readouterr().err == (
        f"steer-tui: Everybody on this machine can read the tokens in {tmp_path}/tokens: `chmod 600` closes it.\n"
    )
    assert read(token_file=kept(tmp_path / "tokens", mode=0o640)).tokens == (TOKEN,)
    assert capsys.readouterr().err == ""


REFUSED = {
    "others without a token": ({"host": "0.0.0.0"}, "--host: others than this machine can ask at 0.0.0.0, so a token"),
    "a name without a token": ({"host": "box"}, "or set the variable STEER_TUI_SERVE_TOKEN."),
    "no file": ({"token_file": "nope"}, "--token-file: nope cannot be read: No such file or directory."),
    "a folder": ({"token_file": "folder"}, "--token-file: folder cannot be read: Is a directory."),
    "an empty file": ({"token_file": "empty"}, "--token-file: empty holds no token; write one on each line."),
    "a short token": ({"token_file": "short"}, "--token-file: A token is at least 8 printable ASCII characters"),
    "no limit": ({"rate_limit": "often"}, "--rate-limit: A rate limit is written like 10/minute; it is 'often'."),
    "any origin": ({"origins": ("*",)}, "--allow-origin: An origin is written like https://lab.example; it is '*'."),
    "no address": ({"trusted_proxies": ("box",)}, "--trusted-proxy: A trusted proxy is an address or a network: 'box'"),
    "no number": ({"keep": float("inf")}, "--keep: it is a number of seconds."),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence_that_names_the_flag(what, tmp_path):
    flags, words = REFUSED[what]
    (tmp_path / "folder").mkdir()
    kept(tmp_path / "empty", "\n")
    kept(tmp_path / "short", "short\n")
    if "token_file" in flags:
        flags = {"token_file": tmp_path.relative_to(tmp_path) / flags["token_file"]}
    with pytest.raises(InvalidValue) as error:
        read(**flags)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("host = 'box'", "serve.host: others than this machine can ask at box"),
        ("rate_limit = 'x'", "serve.rate_limit: A rate limit is written like 10/minute"),
        ("origins = ['*']", "serve.origins: An origin is written like"),
        ("trusted_proxies = ['box']", "serve.trusted_proxies: A trusted proxy is"),
        ("token_file = '/no/x'", "serve.token_file: /no/x cannot be read"),
        ("token_file = 'x'", "serve.token_file must be a whole path from the root or from ~"),
        ("at_once = 0", "serve.at_once must be a whole number, 1 or more; it is 0."),
        ("deadline = 0", "serve.deadline must be a number of seconds above 0"),
        ("port = 70000", "serve.port must be a whole number from 0 to 65535"),
    ],
)
def test_what_is_wrong_in_the_config_is_told_with_file_and_line(line, words):
    file = own(f"\n[serve]\n{line}\n")
    with pytest.raises(InvalidValue) as error:
        read()
    assert str(error.value).startswith(f"{file}, line 3: {words}")


def test_a_variable_that_is_set_to_nothing_does_not_leave_the_server_open(monkeypatch):
    monkeypatch.setenv("STEER_TUI_SERVE_TOKEN", "")
    with pytest.raises(InvalidValue, match="the variable STEER_TUI_SERVE_TOKEN is empty"):
        read()


def test_the_token_s_variable_is_no_setting_although_its_name_begins_as_theirs_do():
    loaded = load_config(None, {"STEER_TUI_SERVE_TOKEN": TOKEN, "STEER_TUI_GATEWAY_TOKEN": TOKEN})
    assert loaded.config.serve.token_env == "STEER_TUI_SERVE_TOKEN"
