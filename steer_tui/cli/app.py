"""`steer-tui` without a command: the app, in a terminal."""

import os
import sys
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from steer_tui.cli.dials import offered_dials, resolve_dials
from steer_tui.cli.readiness import require_method
from steer_tui.cli.settings import Settings
from steer_tui.config import LoadedConfig
from steer_tui.domain import InvalidValue
from steer_tui.engines import Engine

if TYPE_CHECKING:
    from steer_tui.tui.app import AppOptions

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
    from steer_tui.tui.sizes import LEAST

    columns, lines = os.get_terminal_size(sys.stdout.fileno())
    # A terminal that tells no size says 0 for both.
    if 0 < columns < LEAST[0] or 0 < lines < LEAST[1]:
        raise InvalidValue(
            f"This terminal is {columns}×{lines}; the app needs {LEAST[0]}×{LEAST[1]}: make the window larger."
        )


async def open_app(settings: Settings) -> int:
    """Run the app until it is left, and return its exit code; it shares its event loop with the engine."""
    from steer_tui.tui.app import SteerApp

    check_keys(settings.loaded)
    async with aclosing(settings.open_engine()) as engine:
        require_method(engine, settings)
        options = await app_options(settings, engine)
        try:
            app = SteerApp(engine, options)
        except InvalidValue as error:
            raise InvalidValue(f"{settings.loaded.where(('theme',))}: {error}") from error
        await app.run_async()
        return app.return_code or 0


async def app_options(settings: Settings, engine: Engine) -> "AppOptions":
    """What the app opens with; without dials of the person's, the engine's first ones, the first of them turned.

    The embedded engine is asked for them here, so that the first paint shows them, and what it raises is raised. No
    service keeps the app from opening: it is asked once the app is open.
    """
    from steer_tui.tui.app import AppOptions

    config = settings.loaded.config
    generation = config.generation
    is_embedded = settings.engine == "builtin"
    named = settings.dials
    find_dials = partial(resolve_dials, engine, named) if named else partial(offered_dials, engine)
    return AppOptions(
        prompt=settings.prompt,
        example=config.prompt.example,
        sampling=settings.sampling,
        chat=settings.chat,
        dials=await find_dials() if is_embedded else (),
        find_dials=None if is_embedded else find_dials,
        method=settings.method,
        auto=_AUTO[generation.auto],
        live=generation.live,
        debounce=(generation.debounce_builtin_ms if is_embedded else generation.debounce_ms) / 1000,
        deadlines=settings.deadlines,
        pace=generation.pace,
        theme=config.theme,
        keys=config.keymap,
    )


def check_keys(loaded: LoadedConfig) -> None:
    """Raises InvalidValue for a binding that cannot be, with the place where it is written."""
    from steer_tui.tui.keymap import ACTIONS, check_keymap

    keymap = loaded.config.keymap
    try:
        check_keymap(keymap)
    except InvalidValue as error:
        unknown = [loaded.where_bound(action) for action in keymap if action not in ACTIONS]
        raise InvalidValue(f"{(unknown or [loaded.where(('keys',))])[0]}: {error}") from error
