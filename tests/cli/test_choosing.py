"""Which engine a command line means, where its model is, and which key goes there."""

import pytest

from steer_tui.cli.options import Flags
from steer_tui.cli.settings import read_settings
from steer_tui.config import user_file
from steer_tui.domain import InvalidValue, Method

URL, OTHER = "http://box:8000", "http://other:8000"
TOKEN = "tok-0Secret1"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))
    monkeypatch.chdir(tmp_path)
    for variable in ("INTERP_ENGINE_SERVER_TOKEN", "VLLM_API_KEY", "STEER_TUI_GATEWAY_TOKEN"):
        monkeypatch.delenv(variable, raising=False)


def own(text):
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text(text)
    return user_file()


def model_folder(path):
    path.mkdir(parents=True)
    (path / "config.json").write_text("{}")
    return str(path)


HUB = "google/gemma-2-2b"
BOX = f"[interp]\nurl = '{URL}'\nmodel = '{HUB}'\n"

MEANT = {
    "nothing": ({}, "", ("builtin", None, None)),
    "the config's": ({}, f"engine = 'interp'\n{BOX}", ("interp", URL, HUB)),
    "a model alone": ({"model": HUB}, "", ("interp", None, HUB)),
    "a model alone beside another engine": ({"model": HUB}, "engine = 'neuronpedia'\n", ("interp", None, HUB)),
    "a model alone beside a server": ({"model": "gpt2"}, f"engine = 'interp'\n{BOX}", ("interp", None, "gpt2")),
    "an address": ({"engine": "interp", "url": URL}, "", ("interp", URL, None)),
    "an address over the config's": ({"engine": "interp", "url": OTHER}, BOX, ("interp", OTHER, None)),
    "an address and a model": ({"engine": "interp", "url": URL, "model": "x"}, "", ("interp", URL, "x")),
    "a model to serve": ({"engine": "interp", "model": HUB}, "", ("interp", None, HUB)),
    "a model that a server has": ({"engine": "interp", "model": "gpt2"}, BOX, ("interp", URL, "gpt2")),
    "the config's model to serve": ({"engine": "interp"}, f"[interp]\nmodel = '{HUB}'\n", ("interp", None, HUB)),
    "a cluster": ({"engine": "vllm-lens", "url": URL}, "", ("vllm-lens", URL, None)),
    "the config's cluster": (
        {"engine": "easysteer"},
        f"[easysteer]\nurl = '{URL}'\nmodel = 'm'\n",
        ("easysteer", URL, "m"),
    ),
    "an address alone": ({"url": URL}, "", ("gateway", URL, None)),
    "an address alone beside another engine": ({"url": URL}, f"engine = 'interp'\n{BOX}", ("gateway", URL, None)),
    "an address alone over the config's": ({"url": OTHER}, f"[gateway]\nurl = '{URL}'\n", ("gateway", OTHER, None)),
    "the config's gateway": ({}, f"engine = 'gateway'\n[gateway]\nurl = '{URL}'\n", ("gateway", URL, None)),
    "the builtin engine": ({"engine": "builtin"}, f"engine = 'interp'\n{BOX}", ("builtin", None, None)),
}


@pytest.mark.parametrize("what", MEANT)
def test_the_engine_that_is_meant_and_where_its_model_is(what):
    flags, config, (engine, url, model) = MEANT[what]
    own(config)
    settings = read_settings(Flags(**flags))
    assert (settings.engine, settings.engine_settings.url, settings.engine_settings.model) == (engine, url, model)


REFUSED = {
    "neither model nor address": ({"engine": "interp"}, "", "needs a model to serve (--model PATH_OR_ID) or the addre"),
    "neither in the config": ({}, "engine = 'interp'\n", "the config may name either under [interp]"),
    "no address": ({"engine": "vllm-lens"}, "", "[vllm-lens] as url"),
    "no address of the other": ({"engine": "easysteer", "model": "m"}, "", "[easysteer] as url"),
    "no gateway": ({"engine": "gateway"}, "", "needs the address of a `steer-tui serve` (--url http://127.0.0.1:8765)"),
    "an address and a model alone": (
        {"url": URL, "model": HUB},
        "",
        "--model is not for a gateway, which has a model of its own; for another kind of server add --engine.",
    ),
    "a layer of a gateway": ({"url": URL, "layer": 3}, "", "--layer is for the engines that steer by files"),
    "a layer of the builtin engine": ({"layer": 0}, "", "--layer is for the engines that steer by files: interp, vll"),
    "a layer of Neuronpedia": ({"engine": "neuronpedia", "layer": 3}, "", "--layer is for"),
    "a canary of the builtin engine": ({"canary": True}, "", "--canary is for the engines that steer by files"),
    "no canary of the builtin engine": ({"canary": False}, "", "--no-canary is for the engines that steer by files"),
    "a folder that is not there": (
        {"model": "./nope"},
        "",
        "--model: there is no folder nope; a model is a folder, or",
    ),
    "a folder from the root": ({"model": "/nope"}, "", "--model: there is no folder /nope;"),
    "a folder of nobody": ({"model": "~no-such-person/x"}, "", "--model: there is no folder ~no-such-person/x;"),
    "more than an id": ({"model": "a/b/c"}, "", "--model: there is no folder a/b/c;"),
    "a file": ({"model": "happy.gguf"}, "", "--model: happy.gguf is a file; a model is a folder, or an id at a hub"),
    "a folder without a model": ({"model": "empty"}, "", "--model: the folder empty holds no model: it has no config."),
    "a vector that is not there": (
        {"model": HUB, "dials": ("hapy.gguf=3",)},
        "",
        "--dial: there is no file or folder 'hapy.gguf'; a vector is named by its FILE or FILE@LAYER, and an SAE's",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence(what, tmp_path):
    flags, config, words = REFUSED[what]
    own(config)
    (tmp_path / "happy.gguf").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidValue) as error:
        read_settings(Flags(**flags))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("engine = 'interp'\n\n[interp]\nmodel = './nope'\n", "line 4: interp.model: there is no folder nope;"),
        (f"engine = 'interp'\n{BOX}[vectors]\npaths = ['/no/x']\n", "line 6: vectors.paths: there is no file or fol"),
        (f"engine = 'interp'\n{BOX}[dials]\nstart = ['x.gguf=1']\n", "line 6: dials.start: there is no file or folder"),
    ],
)
def test_what_is_wrong_in_the_config_is_told_with_file_and_line(text, words):
    file = own(text)
    with pytest.raises(InvalidValue) as error:
        read_settings(Flags())
    assert str(error.value).startswith(f"{file}, {words}")


@pytest.mark.parametrize("written", ["models/tiny", "./models/tiny", "~/models/tiny"])
def test_a_folder_is_named_whole_to_the_server_that_is_started(written, tmp_path):
    there = model_folder((tmp_path / "home" if written.startswith("~") else tmp_path) / "models" / "tiny")
    assert read_settings(Flags(model=written)).engine_settings.model == there


def test_the_model_of_a_server_is_named_as_the_server_names_it(tmp_path):
    model_folder(tmp_path / "tiny")
    assert read_settings(Flags(engine="interp", url=URL, model="tiny")).engine_settings.model == "tiny"


def test_files_layer_canary_and_the_servers_arguments_come_from_flags_and_config(tmp_path):
    vector = tmp_path / "home" / "happy.gguf"
    vector.parent.mkdir()
    vector.touch()
    own("canary = false\n[interp]\nserver_arguments = ['--backend', 'eager']\n[vectors]\npaths = ['~/happy.gguf']\n")
    settings = read_settings(Flags(model=HUB, layer=0)).engine_settings
    assert settings.vectors == (str(vector),)
    assert (settings.layer, settings.canary, settings.server_arguments) == (0, False, ("--backend", "eager"))
    assert read_settings(Flags(model=HUB, canary=True)).engine_settings.canary


def test_a_dial_may_be_a_label_where_files_are_offered_and_a_random_direction_anywhere(tmp_path):
    (tmp_path / "happy.gguf").touch()
    own(f"[vectors]\npaths = ['{tmp_path}/happy.gguf']\n")
    assert read_settings(Flags(model=HUB, dials=("Happy=3",))).dials[0].name == "Happy"
    own("")
    assert read_settings(Flags(model=HUB, dials=("happy.gguf=3", "random-7/happy.gguf@3=1")))


def test_the_method_is_addition_where_no_flag_says_another():
    assert read_settings(Flags()).method is Method.ADDITIVE
    assert read_settings(Flags(method="projection_cap")).method is Method.PROJECTION_CAP


def key_of(flags):
    key = read_settings(flags).engine_settings.key
    return key and key.get_secret_value()


@pytest.mark.parametrize(
    ("engine", "variable"),
    [
        ("interp", "INTERP_ENGINE_SERVER_TOKEN"),
        ("vllm-lens", "VLLM_API_KEY"),
        ("easysteer", "VLLM_API_KEY"),
        ("gateway", "STEER_TUI_GATEWAY_TOKEN"),
    ],
)
def test_the_key_goes_to_the_address_of_the_flag_only_where_the_config_names_none(
    engine, variable, monkeypatch, capsys
):
    monkeypatch.setenv(variable, TOKEN)
    assert key_of(Flags(engine=engine, url=URL)) == TOKEN
    own(f"[{engine}]\nurl = '{URL}'\n")
    assert key_of(Flags(engine=engine)) == TOKEN
    assert key_of(Flags(engine=engine, url=f"{URL}/v1")) == TOKEN
    assert capsys.readouterr().err == ""
    assert key_of(Flags(engine=engine, url=OTHER)) is None
    assert f"The key is for {URL} and is not sent to {OTHER}" in capsys.readouterr().err


def test_a_server_of_our_own_gets_no_key_of_the_persons(monkeypatch):
    monkeypatch.setenv("INTERP_ENGINE_SERVER_TOKEN", TOKEN)
    assert key_of(Flags(model=HUB)) is None


@pytest.mark.parametrize("engine", ["interp", "vllm-lens", "easysteer", "gateway"])
def test_a_prompt_is_a_message_where_the_flag_or_the_engines_section_says_so(engine):
    assert not read_settings(Flags(engine=engine, url=URL)).chat
    assert read_settings(Flags(engine=engine, url=URL, chat=True)).chat
    own(f"[{engine}]\nchat = true\n")
    assert read_settings(Flags(engine=engine, url=URL)).chat
    assert not read_settings(Flags(engine=engine, url=URL, chat=False)).chat
