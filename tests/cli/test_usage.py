"""Help, version, and what is told of a command line that cannot be."""

import sys

import pytest

from steer_tui import __version__


def test_version_and_help_need_none_of_the_heavy_libraries(steer):
    heavy = "{'textual', 'numpy', 'httpx', 'pydantic', 'asyncio', 'rich'}"
    for flag in ("--version", "--help"):
        steer.program = [
            "-c",
            f"import sys, atexit; atexit.register(lambda: print(sorted({heavy} & set(sys.modules)), file=sys.stderr));"
            "from steer_tui.cli import main; main()",
        ]
        done = steer(flag)
        assert (done.returncode, done.stderr) == (0, "[]\n")


def test_version(steer_here):
    done = steer_here("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"steer-tui {__version__}\n", "")


@pytest.mark.parametrize("command", [[], ["run"], ["sweep"]])
def test_help_tells_how_a_model_of_ones_own_is_steered(steer_here, command):
    text = " ".join(steer_here(*command, "--help").stdout.split())
    for words in (
        "a folder, or an id at the Hugging Face hub, which steer-tui serves itself",
        "--layer N",
        "--no-canary",
    ):
        assert words in text
    assert "--method [additive|orthogonal|projection_cap|ablate|pin]" in text
    assert ("the FILE of a steering vector, FILE@LAYER, or FOLDER#INDEX" in text) == (command != ["sweep"])


@pytest.mark.parametrize("command", [[], ["run"], ["features"], ["models"], ["presets"], ["doctor"]])
def test_help_names_the_flags_and_the_app_s_has_examples(steer_here, command):
    done = steer_here(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--engine" in done.stdout
    assert "--log FILE" in done.stdout
    assert ("steer-tui run --prompt" in done.stdout) == (command == [])


WRONG = {
    "no such command": (["nope"], "No such command 'nope'"),
    "no such flag": (["run", "--sede", "3"], "No such option"),
    "no such engine": (["--engine", "nope", "run", "--prompt", "x"], "'nope' is not"),
    "run without a prompt": (["run"], "needs --prompt TEXT"),
    "a dial before a sweep": (["--dial", "winter=4", "sweep", "--feature", "x"], "`steer-tui sweep` has no --dial"),
    "a seed before a list": (["--seed", "3", "features"], "`steer-tui features` has no --seed"),
    "an empty prompt": (["run", "--prompt", " "], "The prompt is empty"),
    "a seed that is no number": (["run", "--prompt", "x", "--seed", "x"], "'--seed'"),
    "a seed below 0": (["run", "--prompt", "x", "--seed", "-1"], "between 0 and 2147483647; it is -1"),
    "no tokens": (["run", "--prompt", "x", "--max-tokens", "0"], "must be 1 or more; it is 0"),
    "a temperature below 0": (["run", "--prompt", "x", "--temperature", "-0.1"], "must be 0 or more"),
    "a temperature that is no number": (["run", "--prompt", "x", "--temperature", "nan"], "must be 0 or more"),
    "an empty stop": (["run", "--prompt", "x", "--stop", ""], "must not be empty"),
    "a dial without a value": (["run", "--prompt", "x", "--dial", "sea"], "FEATURE=VALUE"),
    "a dial without a name": (["run", "--prompt", "x", "--dial", "=3"], "FEATURE=VALUE"),
    "a dial whose value is no number": (["run", "--prompt", "x", "--dial", "sea=much"], "FEATURE=VALUE"),
    "a dial at not-a-number": (["run", "--prompt", "x", "--dial", "sea=nan"], "FEATURE=VALUE"),
    "a dial beyond its end": (["run", "--prompt", "x", "--dial", "sea=inf"], "from -10 to +10"),
    "a strength without its flag": (["run", "--prompt", "x", "--dial", "sea=40"], "With --raw, --dial takes"),
    "a raw strength that is none": (["run", "--prompt", "x", "--raw", "--dial", "sea=inf"], "is a finite number"),
    "an address and a model alone": (
        ["run", "--prompt", "x", "--url", "http://a", "--model", "m"],
        "--model is not for a gateway, which has a model of its own",
    ),
    "a chat of nobody's": (["serve", "--chat"], "is for each request to say. Try `steer-tui serve --help`."),
    "a port that is none": (["serve", "--port", "70000"], "70000 is not in the range 0<=x<=65535"),
    "a dial of nobody's": (["--dial", "sea=4", "serve"], "`steer-tui serve` has no --dial."),
    "a model that is no folder": (
        ["run", "--prompt", "x", "--model", "./a"],
        "--model: there is no folder a; a model is",
    ),
    "interp without a model": (["run", "--prompt", "x", "--engine", "interp"], "needs a model to serve (--model PATH"),
    "a layer that is none": (["run", "--prompt", "x", "--layer", "-2"], "'--layer'"),
    "a layer of the builtin engine": (["features", "--layer", "0"], "--layer is for the engines that steer by files"),
    "no canary of the builtin engine": (["sweep", "--feature", "x", "--no-canary"], "--no-canary is for the engines"),
    "a method that is none": (["run", "--prompt", "x", "--method", "nope"], "'--method'"),
    "a method of a list": (["--method", "ablate", "features"], "`steer-tui features` has no --method"),
    "a sweep of no file": (
        ["sweep", "--engine", "interp", "--url", "http://127.0.0.1:1", "--feature", "nope.gguf"],
        "--feature: there is no file or folder 'nope.gguf'",
    ),
    "an address of the builtin engine": (["features", "--engine", "builtin", "--url", "http://a"], "--url is for an"),
    "a chat with the builtin engine": (["features", "--chat"], "--chat is for an engine that is a service"),
    "an address that is none": (["features", "--engine", "neuronpedia", "--url", "a b"], "--url is an address such as"),
    "a lane that is none": (["run", "--prompt", "x", "--lane", "left"], "'--lane'"),
    "a limit of 0": (["features", "--limit", "0"], "'--limit'"),
    "a prompt that is no UTF-8": (["run", "--prompt", "\udcff"], "not UTF-8"),
    "a query that is no UTF-8": (["features", "\udcff"], "not UTF-8"),
    "a config that is not there": (["run", "--prompt", "x", "--config", "nope.toml"], "nope.toml: the config file"),
    "a log that cannot be written": (["run", "--prompt", "x", "--log", "/nope/log"], "--log: /nope/log cannot be"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_usage_is_one_line_and_exit_code_2(steer_here, what):
    arguments, words = WRONG[what]
    done = steer_here(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("steer-tui: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_a_broken_config_is_told_with_file_line_and_key_and_exit_code_2(steer_here):
    steer_here.write_own("[sampling]\nsede = 3\n")
    for arguments in (["run", "--prompt", "x"], ["features"], []):
        done = steer_here(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(
            f"steer-tui: {steer_here.own}, line 2: there is no key sampling.sede; did you mean"
        )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("engine = 'nope'\n", "line 1: engine must be one of: builtin"),
        ("\n[dials]\nstart = ['sea']\n", "line 3: dials.start: A dial is FEATURE=VALUE"),
    ],
)
def test_what_only_the_command_line_can_judge_is_told_with_file_and_line_too(steer_here, tmp_path, text, words):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    done = steer_here("run", "--prompt", "x", "--config", str(file))
    assert done.returncode == 2
    assert f"{file}, {words}" in done.stderr


def test_without_a_terminal_the_app_points_to_run(steer_here):
    done = steer_here()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("steer-tui: Standard input is no terminal")
    assert "steer-tui run --prompt TEXT" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="completion is for POSIX shells")
def test_the_shell_can_complete_commands(steer):
    steer.variables = {"_STEER_TUI_COMPLETE": "bash_complete", "COMP_WORDS": "steer-tui f", "COMP_CWORD": "1"}
    assert steer().stdout == "plain,features\n"
