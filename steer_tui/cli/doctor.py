"""`steer-tui doctor`: whether each engine works, and what to do where it does not."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from steer_tui.cli.choosing import choose_engine, settings_without_key, with_key
from steer_tui.cli.options import Flags
from steer_tui.cli.output import Output
from steer_tui.cli.settings import read_config
from steer_tui.cli.tables import table
from steer_tui.config import LoadedConfig, origin_of
from steer_tui.domain import InvalidValue, SteerError
from steer_tui.engines import ENGINE_NAMES, Engine, Prepares, open_engine
from steer_tui.engines.registry import EngineSettings
from steer_tui.engines.services import Diagnoses, Diagnosis

DEADLINE = 10.0
"""Seconds that the look at one engine may take."""

_KEY_SHARE = 0.8
"""The share of them that the command for a key may take."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found of one engine."""

    engine: str
    is_chosen: bool
    diagnosis: Diagnosis

    @property
    def works(self) -> bool:
        """Whether it can be used."""
        return self.diagnosis.is_reachable and self.diagnosis.problem is None


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found of all."""

    loaded: LoadedConfig
    looks: tuple[Look, ...]

    @property
    def exit_code(self) -> int:
        """0 where the chosen engine works."""
        return 0 if all(look.works for look in self.looks if look.is_chosen) else 1


async def examine(flags: Flags, deadline: float = DEADLINE) -> Findings:
    """Look at all engines at once, the chosen one with the flags; raises InvalidValue for flags that cannot be."""
    loaded = read_config(flags)
    chosen = choose_engine(flags, loaded)
    settings = {name: settings_without_key(name, flags if name == chosen else Flags(), loaded) for name in ENGINE_NAMES}
    found = await asyncio.gather(*(_look(name, settings[name], loaded, deadline) for name in ENGINE_NAMES))
    looks = zip(ENGINE_NAMES, found, strict=True)
    return Findings(loaded, tuple(Look(name, name == chosen, diagnosis) for name, diagnosis in looks))


async def _look(name: str, settings: EngineSettings, loaded: LoadedConfig, deadline: float) -> Diagnosis:
    try:
        async with asyncio.timeout(deadline):
            settings = await asyncio.to_thread(with_key, name, settings, loaded, _KEY_SHARE * deadline)
            async with aclosing(open_engine(name, settings)) as engine:
                return await _diagnose(engine)
    except TimeoutError:
        problem, hint = f"It did not answer within {deadline:g} seconds.", "Try again, or check what runs there."
    except SteerError as error:
        problem, hint = error.message, error.hint
    except InvalidValue as error:
        problem, hint = str(error), "Mend it, or leave it out."
    address = None if settings.url is None else str(origin_of(settings.url))
    has_key = None if address is None else settings.key is not None
    return Diagnosis(address, False, has_key, settings.model, quota=None, problem=problem, hint=hint)


async def _diagnose(engine: Engine) -> Diagnosis:
    if isinstance(engine, Diagnoses):
        return await engine.diagnose()
    if isinstance(engine, Prepares):
        await engine.prepare()
    info = engine.info
    quota = None if info.quota is None else info.quota.remaining
    return Diagnosis(None, is_reachable=True, has_key=None, model=info.model, quota=quota)


def list_findings(findings: Findings) -> None:
    """Print a line an engine for a person, the chosen one marked, and under them what is wrong."""
    output = Output()
    loaded = findings.loaded
    read = loaded.own_file if loaded.own_file_was_read else f"none of your own; {loaded.own_file} would be read"
    output.line(f"config: {read}")
    output.line("")
    for line in table([_columns(look) for look in findings.looks]):
        output.line(line)
    for look in findings.looks:
        for line in _advice(look):
            output.line(line)


def print_findings(findings: Findings) -> None:
    """Print all of it as one JSON object."""
    loaded = findings.loaded
    Output().json(
        {
            "config": {"path": str(loaded.own_file), "wasRead": loaded.own_file_was_read},
            "works": findings.exit_code == 0,
            "engines": [_to_wire(look) for look in findings.looks],
        }
    )


_KEY = {None: "", True: "key set", False: "no key"}


def _columns(look: Look) -> tuple[str, ...]:
    found = look.diagnosis
    return (
        "*" if look.is_chosen else "",
        look.engine,
        "works" if look.works else "reachable" if found.is_reachable else "does not work",
        found.model or "",
        found.address or "",
        _KEY[found.has_key],
        "" if found.quota is None else f"{found.quota} calls left",
    )


def _advice(look: Look) -> Iterator[str]:
    if look.diagnosis.problem is not None:
        yield ""
        yield f"{look.engine}: {' '.join(filter(None, (look.diagnosis.problem, look.diagnosis.hint)))}"


def _to_wire(look: Look) -> dict[str, Any]:
    found = look.diagnosis
    return {
        "name": look.engine,
        "isChosen": look.is_chosen,
        "works": look.works,
        "isReachable": found.is_reachable,
        "address": found.address,
        "hasKey": found.has_key,
        "model": found.model,
        "quota": found.quota,
        "problem": found.problem,
        "hint": found.hint,
    }
