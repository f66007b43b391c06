"""Which engine is meant, and what it is opened with: flags over the section of the config that bears its name."""

import os
from collections.abc import Mapping
from dataclasses import replace

from steer_tui.cli.options import Flags
from steer_tui.cli.paths import expanded
from steer_tui.cli.telling import tell
from steer_tui.config import LoadedConfig, ServiceSection, origin_of, read_key
from steer_tui.domain import InvalidValue
from steer_tui.engines import ENGINE_NAMES
from steer_tui.engines.registry import FILE_ENGINES, EngineSettings


def choose_engine(flags: Flags, loaded: LoadedConfig) -> str:
    """The name of the engine that is meant; raises InvalidValue for one of the config that there is not."""
    named = loaded.config.engine
    if named not in ENGINE_NAMES:
        raise loaded.wrong(("engine",), f"one of: {', '.join(ENGINE_NAMES)}")
    if flags.engine is not None:
        return flags.engine
    if flags.url is not None:
        return "gateway"
    return "interp" if flags.model is not None else named


def settings_without_key(name: str, flags: Flags, loaded: LoadedConfig) -> EngineSettings:
    """What the engine is opened with, before anything has been asked for a key."""
    config = loaded.config
    match name:
        case "neuronpedia":
            ours = config.neuronpedia
            configured = EngineSettings(ours.model, ours.url, replay_pace_ms=ours.replay_pace_ms)
        case "inference-server":
            theirs = config.inference_server
            configured = EngineSettings(theirs.model or None, theirs.url)
        case "interp":
            own = config.interp
            # --model alone asks for a server of our own, also where the config knows another; and what the config
            # would serve is not what the server at --url has.
            url = own.url if flags.engine is not None or flags.model is None else ""
            model = own.model if flags.url is None else ""
            configured = EngineSettings(model or None, url or None, server_arguments=own.server_arguments)
        case "vllm-lens" | "easysteer":
            cluster = config.vllm_lens if name == "vllm-lens" else config.easysteer
            configured = EngineSettings(cluster.model or None, cluster.url or None)
        case "gateway":
            another = "is not for a gateway, which has a model of its own; for another kind of server add --engine."
            _refuse({"--model": flags.model}, another)
            configured = EngineSettings(url=config.gateway.url or None)
        case _:
            given = {"--url": flags.url, "--model": flags.model, "--chat": flags.chat or None}
            _refuse(given, f"is for an engine that is a service; {name} runs inside steer-tui.")
            configured = EngineSettings()
    if flags.url is not None:
        _check_address(flags.url)
    configured = replace(configured, model=flags.model or configured.model, url=flags.url or configured.url)
    if name in FILE_ENGINES:
        return replace(
            configured,
            vectors=tuple(str(expanded(path)) for path in config.vectors.paths),
            layer=flags.layer,
            canary=config.canary if flags.canary is None else flags.canary,
        )
    canary = "--no-canary" if flags.canary is False else "--canary"
    engines = f"is for the engines that steer by files: {', '.join(FILE_ENGINES)}."
    _refuse({"--layer": flags.layer, canary: flags.canary}, engines)
    return configured


def takes_chat(name: str, flags: Flags, loaded: LoadedConfig) -> bool:
    """Whether a prompt is a message to the engine's model, and no plain text."""
    config = loaded.config
    configured = {
        "neuronpedia": config.neuronpedia.chat,
        "inference-server": config.inference_server.chat,
        "interp": config.interp.chat,
        "vllm-lens": config.vllm_lens.chat,
        "easysteer": config.easysteer.chat,
        "gateway": config.gateway.chat,
    }
    return configured.get(name, False) if flags.chat is None else flags.chat


def with_key(name: str, settings: EngineSettings, loaded: LoadedConfig, seconds: float) -> EngineSettings:
    """The same with the key that the config names, where it is for this address; a command for it has its seconds.

    Where the config names no address, it is for the one that was given. Raises InvalidValue for a key that cannot be
    had.
    """
    section = _section(name, loaded)
    if section is None or settings.url is None:
        return settings
    here = origin_of(settings.url)
    home = origin_of(section.url) if section.url else here
    if home == here:
        return replace(settings, key=read_key(section, name, loaded, os.environ, seconds=seconds))
    if os.environ.get(section.key_env) or section.key_command:
        tell(
            f"The key is for {home} and is not sent to {here}; "
            f"an address that may have it stands in the config under [{name}] as url."
        )
    return settings


def _section(name: str, loaded: LoadedConfig) -> ServiceSection | None:
    config = loaded.config
    sections: dict[str, ServiceSection] = {
        "neuronpedia": config.neuronpedia,
        "inference-server": config.inference_server,
        "interp": config.interp,
        "vllm-lens": config.vllm_lens,
        "easysteer": config.easysteer,
        "gateway": config.gateway,
    }
    return sections.get(name)


def _refuse(given: Mapping[str, object], why: str) -> None:
    """Raises InvalidValue for the first flag that was given."""
    for flag in (flag for flag, value in given.items() if value is not None):
        raise InvalidValue(f"{flag} {why}")


def _check_address(url: str) -> None:
    try:
        origin_of(url)
    except ValueError:
        # Without the address itself, which may hold a password.
        raise InvalidValue("--url is an address such as http://127.0.0.1:5002 or https://host.") from None
