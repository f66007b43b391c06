"""Engines by name; each room is imported only when its engine is asked for."""

from collections.abc import Callable

from steer_tui.domain import NotFound
from steer_tui.engines.door import Engine


def _builtin() -> Engine:
    from steer_tui.engines.builtin import BuiltinEngine

    return BuiltinEngine()


_FACTORIES: dict[str, Callable[[], Engine]] = {"builtin": _builtin}

ENGINE_NAMES = tuple(_FACTORIES)
"""The names that `--engine` and config.toml accept."""


def open_engine(name: str) -> Engine:
    """The engine of that name, which the caller closes.

    Raises NotFound for a name that is not in ENGINE_NAMES; an engine's own failures come with its first use.
    """
    if name not in _FACTORIES:
        raise NotFound(f"There is no engine {name!r}.", hint=f"Choose one of: {', '.join(ENGINE_NAMES)}.")
    return _FACTORIES[name]()
