"""Whether the files are there that dials name, before a model is loaded for minutes."""

from collections.abc import Iterable

from steer_tui.cli.dials import WrittenDial
from steer_tui.config import LoadedConfig
from steer_tui.domain import InvalidValue, NotFound
from steer_tui.engines.directions.places import is_surely_path, is_written_as_path, read_place
from steer_tui.engines.registry import FILE_ENGINES, EngineSettings

_RANDOM = ("random-", "random direction ")
"""How the ids and labels of random directions begin."""


def check_offered(engine: str, settings: EngineSettings, loaded: LoadedConfig) -> None:
    """Raises InvalidValue for a path of the config at which there is nothing."""
    if engine in FILE_ENGINES:
        for path in settings.vectors:
            if read_place(path) is None:
                where = loaded.where(("vectors", "paths"))
                raise InvalidValue(f"{where}: vectors.paths: there is no file or folder {path}.")


def check_named(engine: str, settings: EngineSettings, dials: Iterable[WrittenDial]) -> None:
    """Raises InvalidValue for a dial whose file is not there; where others are offered, its name may be a label."""
    if engine in FILE_ENGINES:
        for dial in dials:
            if (is_surely_path(dial.name) or not settings.vectors) and _is_missing(dial.name):
                raise InvalidValue(
                    f"{dial.origin}: there is no file or folder {dial.name!r}; "
                    "a vector is named by its FILE or FILE@LAYER, and an SAE's feature by FOLDER#INDEX."
                )


def can_find(engine: str, settings: EngineSettings, query: str) -> bool:
    """Whether the engine has to be asked what fits a query: not where nothing is offered, nor is there such a file.

    Raises NotFound for a path at which there is nothing.
    """
    name = query.strip()
    if engine not in FILE_ENGINES:
        return True
    if not name:
        return bool(settings.vectors)
    is_path = is_surely_path if settings.vectors else is_written_as_path
    if is_path(name) and _is_missing(name):
        raise NotFound(
            f"There is no file or folder {name!r}.",
            hint="Name a vector file, FILE@LAYER, or FOLDER#INDEX for a feature of an SAE.",
        )
    return bool(settings.vectors) or not _is_missing(name)


def _is_missing(name: str) -> bool:
    return not name.casefold().startswith(_RANDOM) and read_place(name) is None
