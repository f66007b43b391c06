"""What the server is started with: the flags of `steer-tui serve` over the config, and tokens from where both say."""

import math
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from steer_tui.cli.paths import expanded
from steer_tui.cli.telling import tell
from steer_tui.cli.text_files import read_texts
from steer_tui.config import LoadedConfig
from steer_tui.domain import InvalidValue
from steer_tui.server.settings import ServeSettings, is_loopback


@dataclass(frozen=True, slots=True)
class ServeFlags:
    """What was given on the command line; None or nothing where nothing was."""

    host: str | None = None
    port: int | None = None
    token_file: Path | None = None
    rate_limit: str | None = None
    storage: str | None = None
    origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    keep: float | None = None


def read_serve_settings(flags: ServeFlags, loaded: LoadedConfig) -> ServeSettings:
    """The flags over the config; raises InvalidValue, which says where it was set, for what cannot be."""
    config = loaded.config.serve
    tokens, origin = _tokens(flags.token_file, loaded)
    settings = _with(ServeSettings(), origin, tokens=tokens)
    host, origin = flags.host or config.host, _origin(flags.host, "--host", "host", loaded)
    if not tokens and not is_loopback(host):
        raise InvalidValue(
            f"{origin}: others than this machine can ask at {host}, so a token is needed: name a file that holds one "
            f"with --token-file, or set the variable {config.token_env}."
        )
    if flags.keep is not None and not math.isfinite(flags.keep):
        raise InvalidValue("--keep: it is a number of seconds.")
    settings = _with(settings, origin, host=host)
    for flag, given, key, field in (
        ("--port", flags.port, "port", "port"),
        ("--rate-limit", flags.rate_limit, "rate_limit", "rate_limit"),
        ("--storage", flags.storage, "storage", "storage"),
        ("--allow-origin", flags.origins or None, "origins", "origins"),
        ("--trusted-proxy", flags.trusted_proxies or None, "trusted_proxies", "trusted_proxies"),
        ("--keep", flags.keep, "keep", "keep_seconds"),
        ("", None, "deadline", "generation_seconds"),
        ("", None, "at_once", "generations"),
        ("", None, "queue", "queue"),
    ):
        value = getattr(config, key) if given is None else given
        settings = _with(settings, _origin(given, flag, key, loaded), **{field: value})
    return settings


def _with(settings: ServeSettings, origin: str, **fields: Any) -> ServeSettings:
    try:
        return replace(settings, **fields)
    except InvalidValue as error:
        raise InvalidValue(f"{origin}: {error}") from error


def _origin(given: object, flag: str, key: str, loaded: LoadedConfig) -> str:
    return flag if given is not None else f"{loaded.where(('serve', key))}: serve.{key}"


def _tokens(named: Path | None, loaded: LoadedConfig) -> tuple[tuple[str, ...], str]:
    """The tokens that open the server, and where they come from."""
    config = loaded.config.serve
    if named is not None or config.token_file:
        origin = _origin(named, "--token-file", "token_file", loaded)
        return _read(named or expanded(config.token_file), origin), origin
    origin = f"the variable {config.token_env}"
    if config.token_env not in os.environ:
        return (), origin
    token = os.environ[config.token_env].strip()
    if not token:
        # Empty is not unset: whoever sets it wants the server closed.
        raise InvalidValue(f"{origin} is empty; set it to a token, or not at all.")
    return (token,), origin


def _read(file: Path, origin: str) -> tuple[str, ...]:
    tokens = tuple(line.strip() for line in read_texts(file, origin, "token"))
    if os.name == "posix" and str(file) != "-" and stat.S_IMODE(file.stat().st_mode) & stat.S_IROTH:
        tell(f"Everybody on this machine can read the tokens in {file}: `chmod 600` closes it.")
    return tokens
