"""`steer-tui doctor`: whether each engine works, and what to do where it does not."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from steer_tui.cli.choosing import choose_engine, settings_without_key, with_key
from steer_tui.cli.files import check_offered
from steer_tui.cli.options import Flags
from steer_tui.cli.output import Output
from steer_tui.cli.places import has_place, placed
from steer_tui.cli.settings import read_config
from steer_tui.cli.tables import table
from steer_tui.config import LoadedConfig, origin_of
from steer_tui.domain import InvalidValue, SteerError, Unsupported
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
    is_set_up: bool
    """Whether enough is set to open it."""
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
    found = await asyncio.gather(*(_look(name, settings[name], flags, loaded, deadline) for name in ENGINE_NAMES))
    looks = zip(ENGINE_NAMES, found, strict=True)
    return Findings(
        loaded,
        tuple(Look(name, name == chosen, has_place(name, settings[name]), diagnosis) for name, diagnosis in looks),
    )


async def _look(name: str, settings: EngineSettings, flags: Flags, loaded: LoadedConfig, deadline: float) -> Diagnosis:
    if not has_place(name, settings):
        return _not_set_up(name)
    try:
        settings = placed(name, settings, flags, loaded)
        check_offered(name, settings, loaded)
        if settings.url is None and settings.model is not None:
            return _to_be_served(settings.model)
        async with asyncio.timeout(deadline):
            settings = await asyncio.to_thread(with_key, name, settings, loaded, _KEY_SHARE * deadline)
            async with aclosing(open_engine(name, settings)) as engine:
                return _at(settings, await _diagnose(engine))
    except TimeoutError:
        problem, hint = f"It did not answer within {deadline:g} seconds.", "Try again, or check what runs there."
    except SteerError as error:
        problem, hint = error.message, error.hint
    except InvalidValue as error:
        problem, hint = str(error), "Mend it, or leave it out."
    return _at(settings, Diagnosis(None, False, None, settings.model, quota=None, problem=problem, hint=hint))


def _at(settings: EngineSettings, found: Diagnosis) -> Diagnosis:
    """The same with what is known of its address and key without asking."""
    if settings.url is None:
        return found
    has_key = settings.key is not None if found.has_key is None else found.has_key
    return replace(found, address=found.address or str(origin_of(settings.url)), has_key=has_key)


def _to_be_served(model: str) -> Diagnosis:
    """A look at what would serve the model, which is not started for it; raises Unsupported where it cannot be."""
    _check_serving()
    hint = "The extra `local` is installed: steer-tui serves this model itself, and loads it when it is first needed."
    return Diagnosis(None, is_reachable=True, has_key=None, model=model, quota=None, hint=hint)


def _not_set_up(name: str) -> Diagnosis:
    problem, hint = "No address is set.", f"Name one with --url, or in the config under [{name}] as url."
    if name == "interp":
        problem = "Neither a model nor an address is set."
        try:
            _check_serving()
        except Unsupported as error:
            hint = f"{error.message} {error.hint}"
        else:
            hint = "The extra `local` is installed: `steer-tui --model PATH_OR_ID` serves a model itself."
    return Diagnosis(None, False, has_key=None, model=None, quota=None, problem=problem, hint=hint)


def _check_serving() -> None:
    from steer_tui.engines.interp.serving.launch import INTERP_ENGINE

    INTERP_ENGINE.check()


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
        _state(look),
        found.model or "",
        found.address or "",
        _KEY[found.has_key],
        "" if found.quota is None else f"{found.quota} calls left",
    )


def _state(look: Look) -> str:
    if look.works:
        return "works"
    if not look.is_set_up:
        return "not set up"
    return "reachable" if look.diagnosis.is_reachable else "does not work"


def _advice(look: Look) -> Iterator[str]:
    if advice := [sentence for sentence in (look.diagnosis.problem, look.diagnosis.hint) if sentence]:
        yield ""
        yield f"{look.engine}: {' '.join(advice)}"


def _to_wire(look: Look) -> dict[str, Any]:
    found = look.diagnosis
    return {
        "name": look.engine,
        "isChosen": look.is_chosen,
        "isSetUp": look.is_set_up,
        "works": look.works,
        "isReachable": found.is_reachable,
        "address": found.address,
        "hasKey": found.has_key,
        "model": found.model,
        "quota": found.quota,
        "problem": found.problem,
        "hint": found.hint,
    }
