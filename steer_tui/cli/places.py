"""Where an engine's model is: behind an address, or in a folder or at a hub, from where steer-tui serves it itself."""

from dataclasses import replace

from steer_tui.cli.options import Flags
from steer_tui.cli.paths import expanded
from steer_tui.config import LoadedConfig
from steer_tui.domain import InvalidValue
from steer_tui.engines.registry import FILE_ENGINES, EngineSettings

_PLACED = (*FILE_ENGINES, "gateway")


def has_place(name: str, settings: EngineSettings) -> bool:
    """Whether enough is set to open the engine."""
    is_served_here = name == "interp" and settings.model is not None
    return name not in _PLACED or settings.url is not None or is_served_here


def placed(name: str, settings: EngineSettings, flags: Flags, loaded: LoadedConfig) -> EngineSettings:
    """The same with a model of which steer-tui serves a folder as its whole path.

    Raises InvalidValue where too little is set to open the engine, and for a folder that is none.
    """
    if not has_place(name, settings):
        raise InvalidValue(_NEEDS.get(name, _NEEDS_ADDRESS).format(name=name))
    if name != "interp" or settings.model is None or settings.url is not None:
        return settings
    origin = "--model" if flags.model else f"{loaded.where(('interp', 'model'))}: interp.model"
    return replace(settings, model=_served(settings.model, origin))


_NEEDS = {
    "interp": (
        "The engine interp needs a model to serve (--model PATH_OR_ID) or the address of a server that has one "
        "(--url http://127.0.0.1:8000); the config may name either under [interp]."
    ),
    "gateway": (
        "The engine gateway needs the address of a `steer-tui serve` (--url http://127.0.0.1:8765); "
        "the config may name it under [gateway] as url."
    ),
}

_NEEDS_ADDRESS = (
    "The engine {name} needs the address of a server (--url http://127.0.0.1:8000); "
    "the config may name it under [{name}] as url."
)


def _served(written: str, origin: str) -> str:
    """The folder that is named, else the id that the name is at a hub."""
    path = expanded(written)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise InvalidValue(
                f"{origin}: the folder {path} holds no model: it has no config.json beside weights and a tokenizer."
            )
        return str(path.absolute())
    if path.is_file():
        raise InvalidValue(
            f"{origin}: {path} is a file; a model is a folder, or an id at a hub such as google/gemma-2-2b."
        )
    if written.startswith((".", "/", "~")) or written.count("/") > 1 or "\\" in written:
        raise InvalidValue(
            f"{origin}: there is no folder {path}; a model is a folder, or an id at a hub such as google/gemma-2-2b."
        )
    return written
