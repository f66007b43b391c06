"""What a command works with: its flags laid over the config."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from steer_tui.cli.dials import WrittenDial, written_dials
from steer_tui.cli.options import Flags
from steer_tui.config import LoadedConfig, load_config
from steer_tui.domain import InvalidValue, Sampling
from steer_tui.engines import ENGINE_NAMES
from steer_tui.generation import Deadlines


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is set, from whichever layer."""

    engine: str
    prompt: str | None
    sampling: Sampling
    dials: tuple[WrittenDial, ...]
    deadlines: Deadlines
    loaded: LoadedConfig


def read_settings(flags: Flags) -> Settings:
    """The flags over the variables over the files; raises InvalidValue for what cannot be."""
    _start_log(flags.log)
    loaded = load_config(flags.config, os.environ)
    config = loaded.config
    if config.engine not in ENGINE_NAMES:
        raise loaded.wrong(("engine",), f"one of: {', '.join(ENGINE_NAMES)}")
    sampling, limits = config.sampling, config.deadlines
    settings = Settings(
        engine=flags.engine or config.engine,
        prompt=flags.prompt,
        sampling=Sampling(
            temperature=sampling.temperature if flags.temperature is None else flags.temperature,
            max_tokens=sampling.max_tokens if flags.max_tokens is None else flags.max_tokens,
            seed=sampling.seed if flags.seed is None else flags.seed,
            stop=flags.stop or sampling.stop,
        ),
        dials=(
            written_dials(flags.dials, "--dial")
            if flags.dials
            else written_dials(config.dials.start, f"{loaded.where(('dials', 'start'))}: dials.start")
        ),
        deadlines=Deadlines(limits.first_event or None, limits.silence or None, limits.whole or None),
        loaded=loaded,
    )
    logging.getLogger(__name__).debug("engine %s, %s, dials %s", settings.engine, settings.sampling, settings.dials)
    return settings


def _start_log(file: Path | None) -> None:
    ours = logging.getLogger("steer_tui")
    if file is None:
        # Without any handler Python prints warnings to standard error, where the app draws.
        ours.addHandler(logging.NullHandler())
        return
    try:
        handler = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InvalidValue(f"--log: {file} cannot be written: {error.strerror}.") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    ours.setLevel(logging.DEBUG)
