"""Which engine is meant, and what it is opened with: flags over the section of the config that bears its name."""

import os
from dataclasses import replace

from steer_tui.cli.options import Flags
from steer_tui.cli.telling import tell
from steer_tui.config import LoadedConfig, ServiceSection, origin_of, read_key
from steer_tui.domain import InvalidValue
from steer_tui.engines import ENGINE_NAMES
from steer_tui.engines.registry import EngineSettings

_INSTEAD = "add --engine neuronpedia or --engine inference-server."


def choose_engine(flags: Flags, loaded: LoadedConfig) -> str:
    """The name of the engine that is meant; raises InvalidValue where there is none yet."""
    named = loaded.config.engine
    if named not in ENGINE_NAMES:
        raise loaded.wrong(("engine",), f"one of: {', '.join(ENGINE_NAMES)}")
    if flags.engine is not None:
        return flags.engine
    if flags.url is not None:
        raise InvalidValue(f"--url alone means a gateway, which cannot be opened yet: {_INSTEAD}")
    if flags.model is not None:
        raise InvalidValue(f"--model alone means a model that steer-tui serves itself, which it cannot yet: {_INSTEAD}")
    return named


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
        case _:
            given = {"--url": flags.url, "--model": flags.model, "--chat": flags.chat or None}
            for flag in (flag for flag, value in given.items() if value is not None):
                raise InvalidValue(f"{flag} is for an engine that is a service; {name} runs inside steer-tui.")
            configured = EngineSettings()
    if flags.url is not None:
        _check_address(flags.url)
    return replace(configured, model=flags.model or configured.model, url=flags.url or configured.url)


def takes_chat(name: str, flags: Flags, loaded: LoadedConfig) -> bool:
    """Whether a prompt is a message to the engine's model, and no plain text."""
    config = loaded.config
    configured = {"neuronpedia": config.neuronpedia.chat, "inference-server": config.inference_server.chat}
    return configured.get(name, False) if flags.chat is None else flags.chat


def with_key(name: str, settings: EngineSettings, loaded: LoadedConfig, seconds: float) -> EngineSettings:
    """The same with the key that the config names, where it is for this address; a command for it has its seconds.

    Raises InvalidValue for a key that cannot be had.
    """
    section = _section(name, loaded)
    if section is None or settings.url is None:
        return settings
    home, here = origin_of(section.url), origin_of(settings.url)
    if home == here:
        return replace(settings, key=read_key(section, name, loaded, os.environ, seconds=seconds))
    if os.environ.get(section.key_env) or section.key_command:
        tell(
            f"The key is for {home} and is not sent to {here}; "
            f"an address that may have it stands in the config under [{name}] as url."
        )
    return settings


def _section(name: str, loaded: LoadedConfig) -> ServiceSection | None:
    sections: dict[str, ServiceSection] = {
        "neuronpedia": loaded.config.neuronpedia,
        "inference-server": loaded.config.inference_server,
    }
    return sections.get(name)


def _check_address(url: str) -> None:
    try:
        origin_of(url)
    except ValueError:
        # Without the address itself, which may hold a password.
        raise InvalidValue("--url is an address such as http://127.0.0.1:5002 or https://host.") from None
