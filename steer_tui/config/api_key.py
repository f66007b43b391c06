"""Where an API key comes from: an environment variable or a command, both named by the config; it is kept nowhere."""

import subprocess
from collections.abc import Mapping
from typing import Protocol

from pydantic import SecretStr

from steer_tui.config.keys import KeyPath
from steer_tui.config.load import LoadedConfig
from steer_tui.config.wording import ConfigError

COMMAND_SECONDS = 30.0
"""How long a command may take, in which a person may have to unlock something."""


class ServiceSection(Protocol):
    """A section of the config about an engine that is a service."""

    @property
    def url(self) -> str:
        """Where it is."""
        ...

    @property
    def key_env(self) -> str:
        """The environment variable."""
        ...

    @property
    def key_command(self) -> tuple[str, ...]:
        """The words of the command."""
        ...


def read_key(
    section: ServiceSection,
    name: str,
    loaded: LoadedConfig,
    environment: Mapping[str, str],
    *,
    seconds: float = COMMAND_SECONDS,
) -> SecretStr | None:
    """The key of the section of that name, or None where there is none.

    Raises ConfigError for a command that gives no key, and for a key that no request could carry.
    """
    if key := environment.get(section.key_env, "").strip():
        return _checked(key, loaded.where((name, "key_env")), "the environment variable")
    if not section.key_command:
        return None
    path = (name, "key_command")
    return _checked(_output(section.key_command, path, loaded, seconds), loaded.where(path), "the command")


def _output(words: tuple[str, ...], path: KeyPath, loaded: LoadedConfig, seconds: float) -> str:
    """The first line of what the command writes; neither that nor its words, which may hold a secret, are told."""
    here = f"{loaded.where(path)}: {'.'.join(path)}"
    try:
        ran = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        # Without its cause, which quotes the command.
        raise ConfigError(f"{here}: the command gave no key within {seconds:g} seconds.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise ConfigError(f"{here}: the command cannot be run: {reason or 'a word of it cannot be'}.") from None
    lines = ran.stdout.decode(errors="replace").strip().splitlines()
    if ran.returncode or not lines:
        how = f"ended with {ran.returncode}" if ran.returncode else "wrote nothing"
        raise ConfigError(f"{here}: the command {how}; run it yourself to see why.")
    return lines[0].strip()


def _checked(key: str, where: str, source: str) -> SecretStr:
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"{where}: what {source} holds is no key: a key is one line of plain letters, digits, signs.")
    return SecretStr(key)
