"""What the README shows can be typed and written as it stands there."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from steer_tui.cli.command import steer_tui
from steer_tui.config import load_config, user_file

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (?:\w+=\S+ )*steer-tui ?([^|\n]*)", README, re.MULTILINE)
FRAGMENTS = re.findall(r"^```toml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_one_that_can_be_typed(line):
    words = shlex.split(line)
    command = steer_tui.commands.get(words[0]) if words else None
    if command is None:
        steer_tui.make_context("steer-tui", words)
    else:
        command.make_context(words[0], words[1:])


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_a_fragment_is_a_config_whose_every_value_is_taken(fragment, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text(fragment, encoding="utf-8")
    taken = load_config(None, {}).config.model_dump(mode="json", by_alias=True)
    assert_holds(taken, tomllib.loads(fragment))


def assert_holds(taken, written):
    for key, value in written.items():
        if isinstance(value, dict):
            assert_holds(taken[key], value)
        else:
            assert taken[key] == value


def test_there_are_some_of_both():
    assert len(COMMANDS) > 5
    assert FRAGMENTS
