"""How a server of one's own is started: its command line, its environment, and what of both is not for others."""

import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from steer_tui.domain import NotFound, Rejected, Unsupported, safe_line

HOST = "127.0.0.1"
TOKEN_VARIABLE = "INTERP_ENGINE_SERVER_TOKEN"

_OURS = ("--model", "--host", "--port", "--token-file", "--insecure-no-auth")
_PATH_STARTS = ("/", "./", "../", "~")
_KEPT_BACK_STARTS = ("STEER_TUI_", "NEURONPEDIA_")
_KEPT_BACK_ENDS = ("_API_KEY", "INFERENCE_SERVER_SECRET")


@dataclass(frozen=True, slots=True)
class Launch:
    """What starts a server that takes interp-engine's options."""

    command: tuple[str, ...]
    """The words before the options."""
    module: str | None = None
    """What this Python has to have for it, or None where the command brings its own."""

    def check(self) -> None:
        """Raise `Unsupported` where it cannot be started here."""
        if sys.platform == "win32":
            raise Unsupported(
                "A server can be started for a model on Linux and macOS, and not on Windows.",
                hint="Start it by hand, such as in WSL, and name it with --url.",
            )
        if self.module is not None and find_spec(self.module) is None:
            raise Unsupported(
                "To load a model here, interp-engine is needed, and it is not installed.",
                hint="Install it with: pip install 'steer-tui[local]'. Or name a server that runs already with --url.",
            )

    def words(self, model: str, port: int, arguments: Sequence[str]) -> list[str]:
        """The whole command line, with which the server listens to this machine alone."""
        return [*self.command, "--model", model, "--host", HOST, "--port", str(port), *arguments]


# -P: a file in the current folder that is named like a module must not be taken for it.
INTERP_ENGINE = Launch((sys.executable, "-P", "-m", "interp_engine.server"), "interp_engine")


def local_folder(model: str) -> Path | None:
    """The folder on this machine that a model is named by, from the root; None for an id of the hub."""
    try:
        folder = Path(model).expanduser()
        if not model.strip() or not folder.is_dir():
            return None
        # A link keeps its own name, by which the model is known; behind `..` it has to be followed.
        return folder.resolve() if ".." in folder.parts else folder.absolute()
    except (OSError, RuntimeError):  # a name too long for a path, or a home that nobody has
        return None


def checked_model(model: str) -> str:
    """The model as the server is given it, or an error where no server could load it."""
    if not model.strip() or model.startswith("-"):
        raise Rejected("A model is named by its folder or by its id.", hint="Such as --model google/gemma-2-2b.")
    folder = local_folder(model)
    if folder is None and model.startswith(_PATH_STARTS):
        raise NotFound(
            f"There is no folder {safe_line(model)}.", hint="Check the path, or name a model of the hub by its id."
        )
    return model if folder is None else str(folder)


def check_arguments(arguments: Sequence[str]) -> None:
    """Raise `Rejected` for an argument that would change what is decided here; the server takes shortened ones."""
    for argument in arguments:
        name = argument.partition("=")[0]
        if len(name) > 2 and (ours := next((option for option in _OURS if option.startswith(name)), None)):
            raise Rejected(
                f"The server's {ours} is decided by steer-tui, and cannot be among its arguments.",
                hint="Take it out; for a server that listens elsewhere, start it by hand and name it with --url.",
            )


def server_environment(own: Mapping[str, str], token: str) -> dict[str, str]:
    """This process's environment for the server: with its token, and without the keys of other services.

    What the server needs for itself, such as HF_TOKEN, a proxy or CUDA_VISIBLE_DEVICES, passes through.
    """
    kept = {
        name: value
        for name, value in own.items()
        if not name.startswith(_KEPT_BACK_STARTS) and not name.endswith(_KEPT_BACK_ENDS)
    }
    return kept | {TOKEN_VARIABLE: token, "PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    """A port that nobody listens to at this moment."""
    with socket.create_server((HOST, 0)) as bound:
        port: int = bound.getsockname()[1]
    return port
