"""Engines by name; each room is imported only when its engine is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steer_tui.domain import NotFound, Unsupported
from steer_tui.engines.door import Engine

if TYPE_CHECKING:
    from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an engine is opened with; each takes what concerns it."""

    model: str | None = None
    url: str | None = None
    """Where the service is."""
    key: "SecretStr | None" = None
    """For that address alone."""
    replay_pace_ms: float = 75.0
    """Milliseconds between two words of a text that a service had already."""


_AS_IT_COMES: Final = EngineSettings()


def _builtin(settings: EngineSettings) -> Engine:
    from steer_tui.engines.builtin import BuiltinEngine

    return BuiltinEngine()


def _neuronpedia(settings: EngineSettings) -> Engine:
    from steer_tui.engines.neuronpedia import HostedNeuronpedia

    if settings.model is None or settings.url is None:
        raise Unsupported("Neuronpedia needs an address and the id of a model.", hint="Name both.")
    return HostedNeuronpedia(
        settings.model,
        url=settings.url,
        key=settings.key,
        replay_pace_ms=settings.replay_pace_ms,
    )


def _inference_server(settings: EngineSettings) -> Engine:
    from steer_tui.engines.inference_server import InferenceServer

    if settings.url is None:
        raise Unsupported("An inference server needs an address.", hint="Name one, such as http://127.0.0.1:5002.")
    return InferenceServer(settings.url, model=settings.model, key=settings.key)


_FACTORIES: dict[str, Callable[[EngineSettings], Engine]] = {
    "builtin": _builtin,
    "neuronpedia": _neuronpedia,
    "inference-server": _inference_server,
}

ENGINE_NAMES = tuple(_FACTORIES)
"""The names that `--engine` and config.toml accept."""


def open_engine(name: str, settings: EngineSettings = _AS_IT_COMES) -> Engine:
    """The engine of that name, which the caller closes.

    Raises NotFound for a name that is not in ENGINE_NAMES; an engine's own failures come with its first use.
    """
    if name not in _FACTORIES:
        raise NotFound(f"There is no engine {name!r}.", hint=f"Choose one of: {', '.join(ENGINE_NAMES)}.")
    return _FACTORIES[name](settings)
