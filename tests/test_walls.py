"""The walls between the rooms: imports run one way, and a room is imported only when it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_imports_run_one_way() -> None:
    pytest.importorskip("importlinter", reason="the walls are checked where import-linter is installed")
    command = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    checked = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def loaded_after(statement: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after a statement."""
    command = f"{statement}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    ran = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_nothing_below_the_screen_loads_textual() -> None:
    core = "import steer_tui.domain, steer_tui.generation, steer_tui.config"
    engine = "from steer_tui.engines import open_engine; open_engine('builtin')"
    assert not {"textual", "rich"} & loaded_after(f"{core}\n{engine}")


def test_the_core_loads_neither_arithmetic_nor_network() -> None:
    assert not {"numpy", "httpx", "pydantic", "torch"} & loaded_after("import steer_tui.domain, steer_tui.generation")


def test_the_first_screen_loads_neither_arithmetic_nor_network() -> None:
    loaded = loaded_after("import steer_tui.cli.app, steer_tui.tui.app")
    assert not {"numpy", "httpx", "starlette", "safetensors", "gguf"} & loaded
