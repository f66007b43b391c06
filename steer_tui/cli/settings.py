"""What a command works with: its flags laid over the config."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from steer_tui.cli.choosing import choose_engine, settings_without_key, takes_chat, with_key
from steer_tui.cli.dials import WrittenDial, raw_dials, written_dials
from steer_tui.cli.files import check_named, check_offered
from steer_tui.cli.options import Flags
from steer_tui.cli.places import placed
from steer_tui.config import COMMAND_SECONDS, LoadedConfig, load_config
from steer_tui.domain import InvalidValue, Method, Sampling
from steer_tui.engines import Engine, open_engine
from steer_tui.engines.registry import EngineSettings
from steer_tui.generation import Deadlines


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is set, from whichever layer."""

    engine: str
    engine_settings: EngineSettings
    prompt: str | None
    chat: bool
    """Whether the prompt is a message to a chat model, and no plain text."""
    sampling: Sampling
    dials: tuple[WrittenDial, ...]
    method: Method
    """How they act."""
    deadlines: Deadlines
    loaded: LoadedConfig

    def open_engine(self) -> Engine:
        """The engine that is meant, which the caller closes."""
        return open_engine(self.engine, self.engine_settings)


def read_config(flags: Flags) -> LoadedConfig:
    """The log that the flags ask for is begun, and the config read; raises InvalidValue for what cannot be."""
    _start_log(flags.log)
    return load_config(flags.config, os.environ)


def read_settings(flags: Flags) -> Settings:
    """The flags over the variables over the files; raises InvalidValue for what cannot be."""
    loaded = read_config(flags)
    engine = choose_engine(flags, loaded)
    engine_settings = placed(engine, settings_without_key(engine, flags, loaded), flags, loaded)
    check_offered(engine, engine_settings, loaded)
    sampling, limits = loaded.config.sampling, loaded.config.deadlines
    dials = (
        (raw_dials if flags.raw else written_dials)(flags.dials, "--dial")
        if flags.dials
        else written_dials(loaded.config.dials.start, f"{loaded.where(('dials', 'start'))}: dials.start")
    )
    check_named(engine, engine_settings, dials)
    settings = Settings(
        engine=engine,
        engine_settings=with_key(engine, engine_settings, loaded, COMMAND_SECONDS),
        prompt=flags.prompt,
        chat=takes_chat(engine, flags, loaded),
        sampling=Sampling(
            temperature=sampling.temperature if flags.temperature is None else flags.temperature,
            max_tokens=sampling.max_tokens if flags.max_tokens is None else flags.max_tokens,
            seed=sampling.seed if flags.seed is None else flags.seed,
            stop=flags.stop or sampling.stop,
        ),
        dials=dials,
        method=Method.ADDITIVE if flags.method is None else Method(flags.method),
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
