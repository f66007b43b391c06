"""config.toml, the user's own, the variables: what wins, and what a wrong setting says."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steer_tui.config import Config, ConfigError, load_config, shipped_file, user_file
from steer_tui.config.keys import FIELDS, allowed
from steer_tui.config.layers import line_of

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))


@pytest.fixture
def own(home):
    """Writes the user's own config.toml."""

    def write(text: str | bytes) -> Path:
        file = user_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def complaint(environment=None, named=None) -> str:
    with pytest.raises(ConfigError) as error:
        load_config(named, environment or {})
    return str(error.value)


def test_the_shipped_file_is_the_one_at_the_repositorys_root():
    assert shipped_file() == ROOT / "config.toml"


def test_the_shipped_file_and_the_models_defaults_are_equal_and_cover_the_same_keys():
    assert tomllib.loads(shipped_file().read_text()) == Config().model_dump(mode="json", by_alias=True)


def test_every_key_in_the_shipped_file_stands_below_a_comment_of_one_or_two_lines():
    blocks = shipped_file().read_text().split("\n\n")
    for path in FIELDS:
        line = f"[{path[0]}]" if allowed(path).startswith("a section") or path == ("keys",) else f"{path[-1]} = "
        block = next(block for block in blocks if any(text.startswith(line) for text in block.split("\n")))
        assert 1 <= block.count("# ") <= (2 if path != ("keys",) else 9), path


def test_the_shipped_file_lists_every_action_that_keys_can_be_bound_to():
    from steer_tui.tui.keymap import ACTIONS

    keys = shipped_file().read_text().partition("\n[keys]\n")[2]
    assert set(re.findall(r"(?:main|dial|prompt)\.[a-z-]+", keys)) == set(ACTIONS)


def test_without_files_and_variables_everything_has_its_default():
    assert load_config(None, {}).config == Config()


def test_the_users_own_file_may_hold_only_what_differs(own):
    own("[sampling]\nseed = 3\n[keys]\nmain.generate = 'f5'\n")
    config = load_config(None, {}).config
    assert (config.sampling.seed, config.sampling.temperature) == (3, 0.7)
    assert config.keymap == {"main.generate": "f5"}


def test_an_actions_dot_may_stand_in_quotes_or_not_and_the_place_is_found(own):
    file = own("[keys]\n'main.now' = 'f5'\nmain.generate = 'f6'\n[keys.dial]\nup = 'f7'\n")
    loaded = load_config(None, {"STEER_TUI_KEYS__DIAL__DOWN": "f8"})
    expected = {"main.now": "f5", "main.generate": "f6", "dial.up": "f7", "dial.down": "f8"}
    assert loaded.config.keymap == expected
    places = [f"{file}, line 2", f"{file}, line 3", f"{file}, line 5", "STEER_TUI_KEYS__DIAL__DOWN"]
    assert [loaded.where_bound(action) for action in expected] == places


def test_a_variable_wins_over_the_users_own_file_and_leaves_the_rest_of_its_section(own):
    own("[sampling]\nseed = 3\ntemperature = 1\n")
    loaded = load_config(None, {"STEER_TUI_SAMPLING__SEED": "5"})
    assert (loaded.config.sampling.seed, loaded.config.sampling.temperature) == (5, 1.0)
    assert loaded.where(("sampling", "seed")) == "STEER_TUI_SAMPLING__SEED"


def test_a_named_file_is_read_instead_of_the_users_own(own, tmp_path):
    own("theme = 'nord'\n[sampling]\nseed = 3\n")
    named = tmp_path / "other.toml"
    named.write_text("[sampling]\nmax_tokens = 9\n")
    config = load_config(named, {}).config
    assert (config.theme, config.sampling.seed, config.sampling.max_tokens) == ("tokyo-night", 10, 9)


def test_a_config_toml_in_the_current_folder_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text("this is no TOML")
    monkeypatch.chdir(tmp_path)
    assert load_config(None, {}).config == Config()


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(own):
    own(b"\xef\xbb\xbf[sampling]\r\nseed = 3\r\n")
    assert load_config(None, {}).config.sampling.seed == 3


BROKEN = {
    "an unknown key": ("# mine\n\n[sampling]\ntemprature = 1\n", 4, ["sampling.temprature", "sampling.temperature?"]),
    "a key with a dash": ("[sampling]\nmax-tokens = 1\n", 2, ["sampling.max_tokens?"]),
    "a key outside of its section": ("theme = 'nord'\nseed = 3\n", 2, ["did you mean sampling.seed?"]),
    "a key in another section": ("[prompt]\nseed = 3\n", 2, ["prompt.seed", "did you mean sampling.seed?"]),
    "an unknown section": ("\n[sampel]\nseed = 3\n", 2, ["no key sampel", "did you mean sampling?"]),
    "a key like no other": ("xyzzy = 3\n", 1, ["no key xyzzy", "Allowed here: engine, theme, canary, sampling"]),
    "a text for a number": ("[sampling]\nseed = '3'\n", 2, ["sampling.seed", "from 0 to 2147483647", '"3"']),
    "a number that is too small": ("[sampling]\nmax_tokens = 0\n", 2, ["sampling.max_tokens", "1 or more", "is 0"]),
    "a number that is too large": ("[sampling]\nseed = 2147483648\n", 2, ["sampling.seed", "from 0 to 2147483647"]),
    "a fraction": ("[sampling]\nseed = 1.5\n", 2, ["sampling.seed", "a whole number"]),
    "a truth for a number": ("[sampling]\nseed = true\n", 2, ["sampling.seed", "it is true"]),
    "not a number": ("[sampling]\ntemperature = nan\n", 2, ["sampling.temperature", "0 or more"]),
    "an endless deadline": ("[deadlines]\nwhole = inf\n", 2, ["deadlines.whole", "0 for no limit"]),
    "a choice that is none": ("[generation]\nauto = 'maybe'\n", 2, ['"when free", "on", "off"', '"maybe"']),
    "an entry of a list": ("[sampling]\nstop = [\n  'a',\n  3,\n]\n", 2, ["sampling.stop", "a list of texts"]),
    "an empty stop": ("[sampling]\nstop = ['']\n", 2, ["sampling.stop", "not empty"]),
    "a text for a list": ("[dials]\nstart = 'winter=4'\n", 2, ["dials.start", 'a list of "FEATURE=VALUE"']),
    "a value for a section": ("sampling = 3\n", 1, ["sampling must be a section [sampling] with the keys temperature"]),
    "a section twice": ("[[sampling]]\nseed = 1\n", 1, ["sampling must be a section"]),
    "a key that is no text": ("[keys]\nmain.generate = 5\n", 2, ["keys.main", "in quotes"]),
    "a date": ("[sampling]\nseed = 2020-01-01\n", 2, ["sampling.seed", "2020-01-01"]),
    "no quotes": ("theme = 'nord'\nengine = builtin\n", 2, ["not TOML", "in quotes"]),
    "an open quote": ("\n\nengine = 'builtin\n", 3, ["not TOML"]),
    "an open list": ("[sampling]\nstop = [\n'a'\n", 3, ["not TOML at column the end"]),
    "a key twice": ("[sampling]\nseed = 1\nseed = 2\n", 3, ["Cannot overwrite a value"]),
    "no UTF-8": (b"# one\nengine = '\xff'\n", 2, ["must be UTF-8"]),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_in_a_file_is_told_with_file_line_key_and_what_is_allowed(what, own):
    text, line, words = BROKEN[what]
    file = own(text)
    said = complaint()
    assert said.startswith(f"{file}, line {line}: ")
    assert "\n" not in said
    for word in words:
        assert word in said


def test_a_wrong_value_is_told_also_where_a_variable_overrides_it(own):
    own("[sampling]\nseed = -1\n")
    assert "line 2: sampling.seed" in complaint({"STEER_TUI_SAMPLING__SEED": "5"})


def test_a_named_file_that_is_not_there_is_told(tmp_path):
    assert "missing.toml: the config file cannot be read" in complaint(named=tmp_path / "missing.toml")


def test_a_folder_where_the_file_should_be_is_told(own):
    user_file().mkdir(parents=True)
    assert f"{user_file()}: the config file cannot be read" in complaint()


def test_variables_are_written_as_in_toml_and_a_text_needs_no_quotes():
    environment = {
        "STEER_TUI_THEME": "nord",
        "STEER_TUI_SAMPLING__TEMPERATURE": "1",
        "STEER_TUI_SAMPLING__STOP": "The end",
        "STEER_TUI_DIALS__START": '["winter=4", "happy=-2"]',
        "STEER_TUI_PROMPT__EXAMPLE": "12",
        "STEER_TUI_GENERATION__AUTO": "when free",
        "STEER_TUI_KEYS__MAIN__GENERATE": "f5,ctrl+g",
        "STEER_TUITION": "not ours",
    }
    config = load_config(None, environment).config
    assert config.theme == "nord"
    assert config.sampling.temperature == 1.0
    assert config.sampling.stop == ("The end",)
    assert config.dials.start == ("winter=4", "happy=-2")
    assert config.prompt.example == "12"
    assert config.keymap == {"main.generate": "f5,ctrl+g"}


def test_an_empty_variable_empties_a_list(own):
    own("[sampling]\nstop = ['a']\n")
    assert load_config(None, {"STEER_TUI_SAMPLING__STOP": ""}).config.sampling.stop == ()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("STEER_TUI_SAMPLING__SEDE", "3", "no key sampling.sede; did you mean STEER_TUI_SAMPLING__SEED?"),
        ("STEER_TUI_SEED", "3", "did you mean STEER_TUI_SAMPLING__SEED?"),
        ("STEER_TUI_SAMPLING", "3", "must be a section [sampling]"),
        ("STEER_TUI_SAMPLING__SEED", "three", 'a whole number from 0 to 2147483647; it is "three"'),
        ("STEER_TUI_SAMPLING__SEED", "", 'a whole number from 0 to 2147483647; it is ""'),
        ("STEER_TUI_SAMPLING__STOP", "[3]", "a list of texts"),
        ("STEER_TUI_DIALS__START", "[winter=4", "a list of"),
        ("STEER_TUI_ENGINE__NAME", "x", "engine must be the name of an engine"),
        ("STEER_TUI_", "x", "Allowed here: engine"),
    ],
)
def test_what_is_wrong_in_a_variable_is_told_with_its_name(name, value, words):
    said = complaint({name: value})
    assert said.startswith(f"{name}: ")
    assert words in said


def test_a_value_that_only_a_reader_can_judge_is_told_with_its_place(own):
    file = own("\nengine = 'nope'\n")
    error = load_config(None, {}).wrong(("engine",), "one of: builtin")
    assert str(error) == f'{file}, line 2: engine must be one of: builtin; it is "nope".'


@pytest.mark.parametrize("value", ["[", "9", "{a="])
def test_a_file_beyond_pythons_limits_is_told_as_no_toml(value, own):
    file = own(f"a = {value * 5000}")
    assert complaint().startswith(f"{file}, line 1: this is not TOML")


lines = st.lists(
    st.sampled_from(["[sampling]", "[keys]", "[[dials]]", "seed = ", "stop", "= [", "'a'", "]", "1e400", "#"])
    | st.text(max_size=8),
    max_size=8,
)


@given(text=lines.map("\n".join) | lines.map(" ".join))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_line_that_names_it(text, own):
    file = own(text.encode(errors="surrogatepass"))
    try:
        load_config(None, {})
    except ConfigError as error:
        assert str(error).startswith(f"{file}, line ")


@given(st.sampled_from(["SAMPLING__SEED", "SAMPLING__STOP", "SAMPLING__TEMPERATURE", "KEYS__A__B"]), st.text())
def test_whatever_a_variable_holds_it_is_read_or_refused_in_one_line_that_names_it(name, value):
    try:
        load_config(None, {f"STEER_TUI_{name}": value})
    except ConfigError as error:
        assert str(error).startswith(f"STEER_TUI_{name}: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[sampling]\nseed = 1", 2),
        ("[sampling]\n# seed = 2\nstop = [\n# seed\n'seed = 3',\n]\nseed = 1", 7),
        ("sampling.seed = 1", 1),
        ("\nsampling = { temperature = 1, seed = 1 }", 2),
        ('[prompt]\nexample = """\n[sampling]\nseed = 9\n"""\n\n["sampling"]\n"seed" = 1\n', 8),
        ("[sampling]\r\n\r\nseed = 1\r\n".replace("\r\n", "\n"), 3),
    ],
)
def test_the_line_of_a_key_is_found_however_it_is_written(text, line):
    assert line_of(text, ("sampling", "seed")) == line
