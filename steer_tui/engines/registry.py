"""Engines by name; each room is imported only when its engine is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steer_tui.domain import NotFound, Unsupported
from steer_tui.engines.door import Engine

if TYPE_CHECKING:
    from pydantic import SecretStr

    from steer_tui.engines.directions.directions import Directions
    from steer_tui.engines.interp.serving.server import Server


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an engine is opened with; each takes what concerns it."""

    model: str | None = None
    """The model's name, or for one that is served by ourselves its folder or its id at the hub."""
    url: str | None = None
    """Where the service is, or None for a model that is served by ourselves."""
    key: "SecretStr | None" = None
    """For that address alone."""
    replay_pace_ms: float = 75.0
    """Milliseconds between two words of a text that a service had already."""
    vectors: tuple[str, ...] = ()
    """Files of steering vectors and folders of SAEs that are offered from the start."""
    layer: int | None = None
    """Where a direction acts whose file does not say, and which one is taken where it has several."""
    canary: bool = True
    """Whether the engine first tries out that steering has an effect."""
    server_arguments: tuple[str, ...] = ()
    """More words for the command line of the server that is started for the model."""


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


def _directions(settings: EngineSettings) -> "Directions":
    from steer_tui.engines.directions.directions import Directions

    return Directions(settings.vectors, layer=settings.layer)


def _interp(settings: EngineSettings) -> Engine:
    from steer_tui.engines.interp import Interp
    from steer_tui.engines.interp.serving.launch import local_folder
    from steer_tui.engines.interp.serving.managed import Managed
    from steer_tui.engines.interp.serving.remote import Remote

    server: Server
    if settings.url is not None:
        server = Remote(settings.url, settings.key)
    elif settings.model is not None:
        server = Managed(settings.model, settings.server_arguments)
    else:
        raise Unsupported("interp-engine needs an address, or a model to serve.", hint="Name one of the two.")
    return Interp(
        server,
        directions=_directions(settings),
        model=settings.model,
        with_canary=settings.canary,
        tokenizer=None if settings.model is None else local_folder(settings.model),
    )


def _vllm_lens(settings: EngineSettings) -> Engine:
    from steer_tui.engines.vllm import VllmLens

    return VllmLens(
        _cluster(settings),
        model=settings.model,
        key=settings.key,
        directions=_directions(settings),
        with_canary=settings.canary,
    )


def _easysteer(settings: EngineSettings) -> Engine:
    from steer_tui.engines.vllm import EasySteer

    return EasySteer(
        _cluster(settings),
        model=settings.model,
        key=settings.key,
        directions=_directions(settings),
        with_canary=settings.canary,
    )


def _cluster(settings: EngineSettings) -> str:
    if settings.url is None:
        raise Unsupported("A vLLM server needs an address.", hint="Name one, such as http://127.0.0.1:8000.")
    return settings.url


def _gateway(settings: EngineSettings) -> Engine:
    from steer_tui.engines.gateway import Gateway

    if settings.url is None:
        raise Unsupported("A gateway needs an address.", hint="Name one, such as http://127.0.0.1:8765.")
    return Gateway(settings.url, key=settings.key)


_FACTORIES: dict[str, Callable[[EngineSettings], Engine]] = {
    "builtin": _builtin,
    "neuronpedia": _neuronpedia,
    "inference-server": _inference_server,
    "interp": _interp,
    "vllm-lens": _vllm_lens,
    "easysteer": _easysteer,
    "gateway": _gateway,
}

ENGINE_NAMES = tuple(_FACTORIES)
"""The names that `--engine` and config.toml accept."""

FILE_ENGINES: Final = ("interp", "vllm-lens", "easysteer")
"""The engines that steer by vectors and SAEs from files."""


def open_engine(name: str, settings: EngineSettings = _AS_IT_COMES) -> Engine:
    """The engine of that name, which the caller closes.

    Raises NotFound for a name that is not in ENGINE_NAMES; an engine's own failures come with its first use.
    """
    if name not in _FACTORIES:
        raise NotFound(f"There is no engine {name!r}.", hint=f"Choose one of: {', '.join(ENGINE_NAMES)}.")
    return _FACTORIES[name](settings)
