"""Whether the files are there that dials name, before a model is loaded for minutes."""

from collections.abc import Iterable

from steer_tui.cli.dials import WrittenDial
from steer_tui.config import LoadedConfig
from steer_tui.domain import InvalidValue
from steer_tui.engines.directions.places import read_place
from steer_tui.engines.registry import FILE_ENGINES, EngineSettings

_RANDOM = "random-"
"""How the names of random directions begin."""


def check_offered(engine: str, settings: EngineSettings, loaded: LoadedConfig) -> None:
    """Raises InvalidValue for a path of the config at which there is nothing."""
    if engine in FILE_ENGINES:
        for path in settings.vectors:
            if read_place(path) is None:
                where = loaded.where(("vectors", "paths"))
                raise InvalidValue(f"{where}: vectors.paths: there is no file or folder {path}.")


def check_named(engine: str, settings: EngineSettings, dials: Iterable[WrittenDial]) -> None:
    """Raises InvalidValue for a dial whose file is not there; where others are offered, its name may be a label."""
    if engine not in FILE_ENGINES or settings.vectors:
        return
    for dial in dials:
        if not dial.name.startswith(_RANDOM) and read_place(dial.name) is None:
            raise InvalidValue(
                f"{dial.origin}: there is no file or folder {dial.name!r}; "
                "a vector is named by its FILE or FILE@LAYER, and an SAE's feature by FOLDER#INDEX."
            )
