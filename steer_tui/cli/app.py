"""`steer-tui` without a command: the app, in a terminal."""

import asyncio
import logging
import os
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING

from steer_tui.cli.dials import offered_dials, resolve_dials
from steer_tui.cli.settings import Settings
from steer_tui.config import LoadedConfig
from steer_tui.domain import Dial, InvalidValue, SteerError
from steer_tui.engines import Engine

if TYPE_CHECKING:
    from steer_tui.tui.app import AppOptions

OFFER_SECONDS = 5.0
"""How long a service may keep the screen waiting for dials that nobody has asked for."""

_AUTO = {"when free": None, "on": True, "off": False}


def require_terminal() -> None:
    """Raises InvalidValue where there is nothing to draw on, or nobody to press a key."""
    # Textual draws on standard error where it can, so that one has to be a terminal too.
    for name, stream in (("input", sys.stdin), ("output", sys.stdout), ("error", sys.stderr)):
        if stream is None or not stream.isatty():
            raise InvalidValue(
                f"Standard {name} is no terminal, which the app needs; "
                "`steer-tui run --prompt TEXT` writes to standard output without one."
            )


def require_room() -> None:
    """Raises InvalidValue where the terminal is too small to show anything."""
    from steer_tui.tui.screens.main import LEAST

    columns, lines = os.get_terminal_size(sys.stdout.fileno())
    # A terminal that tells no size says 0 for both.
    if 0 < columns < LEAST[0] or 0 < lines < LEAST[1]:
        raise InvalidValue(
            f"This terminal is {columns}×{lines}; the app needs {LEAST[0]}×{LEAST[1]}: make the window larger."
        )


async def open_app(settings: Settings) -> int:
    """Run the app until it is left, and return its exit code; it shares its event loop with the engine."""
    from steer_tui.tui.app import SteerApp

    _check_keys(settings.loaded)
    async with aclosing(settings.open_engine()) as engine:
        options = await app_options(settings, engine)
        try:
            app = SteerApp(engine, options)
        except InvalidValue as error:
            raise InvalidValue(f"{settings.loaded.where(('theme',))}: {error}") from error
        await app.run_async()
        return app.return_code or 0


async def app_options(settings: Settings, engine: Engine) -> "AppOptions":
    """What the app opens with; without dials of the person's, the engine's first ones, the first of them turned.

    Raises what the engine raises for dials that the person has named, and nothing for those that nobody has.
    """
    from steer_tui.tui.app import AppOptions

    config = settings.loaded.config
    generation = config.generation
    return AppOptions(
        prompt=settings.prompt,
        example=config.prompt.example,
        sampling=settings.sampling,
        dials=await resolve_dials(engine, settings.dials) or await _offer(engine),
        auto=_AUTO[generation.auto],
        live=generation.live,
        debounce=(generation.debounce_builtin_ms if settings.engine == "builtin" else generation.debounce_ms) / 1000,
        deadlines=settings.deadlines,
        pace=generation.pace,
        theme=config.theme,
        keys=config.keymap,
    )


async def _offer(engine: Engine) -> tuple[Dial, ...]:
    """The dials that nobody has asked for: a service that does not tell them keeps no app from opening."""
    try:
        async with asyncio.timeout(OFFER_SECONDS):
            return await offered_dials(engine)
    except (SteerError, TimeoutError) as error:
        logging.getLogger(__name__).debug("no dials are offered: %s", error or "there was no answer")
        return ()


def _check_keys(loaded: LoadedConfig) -> None:
    from steer_tui.tui.keymap import ACTIONS, check_keymap

    keymap = loaded.config.keymap
    try:
        check_keymap(keymap)
    except InvalidValue as error:
        unknown = [loaded.where_bound(action) for action in keymap if action not in ACTIONS]
        raise InvalidValue(f"{(unknown or [loaded.where(('keys',))])[0]}: {error}") from error
