"""The sections about services: addresses, and keys that come from a variable or a command and are shown nowhere."""

import sys
import traceback

import pytest

from steer_tui.config import ConfigError, load_config, origin_of, read_key, user_file

KEY = "sk-np-0Secret1"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))


@pytest.fixture
def own(home):
    """Writes the user's own config.toml."""

    def write(text):
        file = user_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write


def key_of(environment, **options):
    loaded = load_config(None, environment)
    key = read_key(loaded.config.neuronpedia, "neuronpedia", loaded, environment, **options)
    return key and key.get_secret_value()


def refused(environment, **options):
    """What is told of a key that cannot be had, after looking for it in the whole traceback."""
    with pytest.raises(ConfigError) as error:
        key_of(environment, **options)
    assert KEY not in "".join(traceback.format_exception(error.value))
    return str(error.value)


def command(code):
    return f"[neuronpedia]\nkey_command = ['{sys.executable}', '-c', '''{code}''']\n"


def test_a_variable_sets_a_key_of_a_section_whose_name_has_a_dash():
    environment = {"STEER_TUI_INFERENCE_SERVER__URL": "http://box:5002", "STEER_TUI_INFERENCE_SERVER__CHAT": "true"}
    server = load_config(None, environment).config.inference_server
    assert (server.url, server.chat) == ("http://box:5002", True)
    with pytest.raises(ConfigError, match=r"did you mean STEER_TUI_INFERENCE_SERVER__URL\?") as error:
        load_config(None, {"STEER_TUI_INFERENCE_SERVER__URLL": "x"})
    assert str(error.value).startswith("STEER_TUI_INFERENCE_SERVER__URLL: there is no key inference-server.urll")


def test_variables_set_the_keys_of_the_engines_that_steer_by_files():
    environment = {
        "STEER_TUI_INTERP__URL": "http://box:8000",
        "STEER_TUI_INTERP__SERVER_ARGUMENTS": '["--backend", "vllm"]',
        "STEER_TUI_VLLM_LENS__URL": "",
        "STEER_TUI_EASYSTEER__MODEL": "m",
        "STEER_TUI_VECTORS__PATHS": "~/happy.gguf",
        "STEER_TUI_CANARY": "false",
    }
    config = load_config(None, environment).config
    assert (config.interp.url, config.interp.server_arguments) == ("http://box:8000", ("--backend", "vllm"))
    assert (config.vllm_lens.url, config.easysteer.model) == ("", "m")
    assert (config.vectors.paths, config.canary) == (("~/happy.gguf",), False)


def test_a_key_comes_from_the_variable_that_the_config_names_and_an_unset_or_empty_one_means_none(own):
    assert key_of({}) is None
    assert key_of({"NEURONPEDIA_API_KEY": ""}) is None
    assert key_of({"NEURONPEDIA_API_KEY": f" {KEY}\n"}) == KEY
    own("[neuronpedia]\nkey_env = 'Mine'\n")
    assert key_of({"NEURONPEDIA_API_KEY": KEY}) is None
    assert key_of({"Mine": KEY}) == KEY


@pytest.mark.parametrize("section", ["neuronpedia", "inference-server", "interp", "vllm-lens", "easysteer", "gateway"])
def test_the_variable_may_be_called_like_a_setting_of_ours(own, section):
    own(f"[{section}]\nkey_env = 'STEER_TUI_SOMETHING_KEY'\n")
    assert load_config(None, {"STEER_TUI_SOMETHING_KEY": KEY}).config.engine == "builtin"


def test_the_variable_may_be_named_by_a_variable():
    environment = {"STEER_TUI_NEURONPEDIA__KEY_ENV": "STEER_TUI_NP_KEY", "STEER_TUI_NP_KEY": KEY}
    assert key_of(environment) == KEY


def test_a_variable_that_nothing_names_is_told_without_what_it_holds():
    said = refused({"STEER_TUI_NP_KEY": KEY})
    assert said.startswith("STEER_TUI_NP_KEY: there is no key np_key")


def test_a_command_gives_the_key_in_its_first_line_where_the_variable_gives_none(own):
    own(command(f'print("{KEY}"); print("more")'))
    assert key_of({}) == KEY
    assert key_of({"NEURONPEDIA_API_KEY": "another"}) == "another"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (f'print("{KEY}"); raise SystemExit(3)', "the command ended with 3; run it yourself"),
        ("pass", "the command wrote nothing"),
        (f'print("{KEY}", flush=True); import time; time.sleep(60)', "no key within 0.5 seconds"),
        (f'print("{KEY}\\u00e9")', "what the command holds is no key"),
    ],
)
def test_a_command_that_gives_no_key_is_told_with_file_and_line_and_nothing_that_it_wrote(own, code, words):
    file = own(command(code))
    said = refused({"PATH": ""}, seconds=0.5 if "sleep" in code else 20)
    assert said.startswith(f"{file}, line 2: ")
    assert words in said


def test_a_command_that_is_not_there_is_told_with_file_and_line(own):
    file = own("[neuronpedia]\nkey_command = ['no-such-program-anywhere']\n")
    assert refused({}).startswith(f"{file}, line 2: neuronpedia.key_command: the command cannot be run: No such file")


def test_a_command_is_not_run_through_a_shell(own, tmp_path):
    own(f"[neuronpedia]\nkey_command = ['echo', '$HOME; touch {tmp_path}/made']\n")
    assert key_of({}) == f"$HOME; touch {tmp_path}/made"
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("key", ["two\nlines", "é", "a\x00b"])
def test_a_key_that_no_request_could_carry_is_refused(key):
    said = refused({"NEURONPEDIA_API_KEY": KEY + key})
    assert "what the environment variable holds is no key" in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"key_env = '{KEY}'", "neuronpedia.key_env must be the name of an environment variable"),
        (f"key_command = '{KEY}'", "neuronpedia.key_command must be a list of words"),
        (f"key_command = ['{KEY}', 3]", "neuronpedia.key_command must be a list of words"),
        (f"key = '{KEY}'", "there is no key neuronpedia.key; did you mean neuronpedia.key_env?"),
        (f"url = 'http://me:{KEY}@'", "neuronpedia.url must be an address"),
        (f"url = 'http://me:{KEY}'", "neuronpedia.url must be an address"),
    ],
)
def test_a_key_that_was_written_into_the_file_is_not_shown(own, line, words):
    file = own(f"[neuronpedia]\n{line}\n")
    said = refused({})
    assert said.startswith(f"{file}, line 2: ")
    assert words in said


def test_a_key_in_place_of_the_section_is_not_shown():
    assert "must be a section [neuronpedia]" in refused({"STEER_TUI_NEURONPEDIA": KEY})


BROKEN = {
    "no model": ("[neuronpedia]\nmodel = ''\n", "neuronpedia.model must be the id of a model"),
    "a pace below 0": ("[neuronpedia]\nreplay_pace_ms = -1\n", "a number of milliseconds, 0 or more; it is -1"),
    "a chat that is none": (
        "[inference-server]\nchat = 'yes'\n",
        'inference-server.chat must be true or false; it is "y',
    ),
    "no scheme": ("[inference-server]\nurl = 'localhost:5002'\n", "inference-server.url must be an address such as"),
    "a port that is none": ("[inference-server]\nurl = 'http://a:99999'\n", "inference-server.url must be an address"),
    "a query": ("[inference-server]\nurl = 'http://a/?x=1'\n", "inference-server.url must be an address"),
    "no scheme of an address that may be empty": (
        "[interp]\nurl = 'localhost:8000'\n",
        "interp.url must be an address such as http://127.0.0.1:8000 or https://host, in quotes, or empty for none.",
    ),
    "a port that is none of a cluster": ("[easysteer]\nurl = 'http://a:0'\n", "easysteer.url must be an address such"),
    "a token in the file": ("[interp]\ntoken = 'x'\n", "there is no key interp.token"),
    "arguments in one text": (
        "[interp]\nserver_arguments = '--backend vllm'\n",
        'interp.server_arguments must be a list of words such as ["--backend", "vllm"]',
    ),
    "a relative path": (
        "[vectors]\npaths = ['happy.gguf']\n",
        'vectors.paths must be a list of whole paths, each from the root or from ~, such as ["~/vectors/happy.gguf"]; '
        'it is ["happy.gguf"]',
    ),
    "an empty path": ("[vectors]\npaths = ['']\n", "vectors.paths must be a list of whole paths"),
    "a canary that is none": ("\ncanary = 'no'\n", "canary must be true or false"),
    "a line for another dash": ("\n[vllm_lens]\n", "did you mean vllm-lens?"),
    "a line for a dash": ("\n[inference_server]\n", "did you mean inference-server?"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_is_told_with_file_line_key_and_what_is_allowed(what, own):
    text, words = BROKEN[what]
    file = own(text)
    said = refused({})
    assert said.startswith(f"{file}, line 2: ")
    assert words in said


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("https://www.neuronpedia.org/", "https://www.neuronpedia.org"),
        ("https://WWW.neuronpedia.org:443/api", "https://www.neuronpedia.org"),
        ("http://me:word@127.0.0.1:5002", "http://127.0.0.1:5002"),
        ("http://[::1]:5002", "http://[::1]:5002"),
    ],
)
def test_the_origin_of_an_address_leaves_out_paths_names_and_passwords(address, written):
    assert str(origin_of(address)) == written


def test_which_file_was_read_is_known(own, tmp_path):
    assert not load_config(None, {}).own_file_was_read
    file = own("")
    assert load_config(None, {}).own_file_was_read
    assert load_config(None, {}).own_file == file
    assert load_config(file, {}).own_file == file
