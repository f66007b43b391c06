"""How far a server is that loads its model, on standard error."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from steer_tui.cli.telling import tell
from steer_tui.domain import safe_line
from steer_tui.engines import Engine
from steer_tui.engines.services import Loading, Loads

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text


_LOOK = 0.2
"""Seconds between two looks at how far it is."""

_LINE_PAUSE = 10.0
"""Seconds between two lines of the server's log, where each of them stays."""


@asynccontextmanager
async def showing_loading(engine: Engine) -> AsyncIterator[None]:
    """Show how far the engine's server is, as long as what is inside runs."""
    if not isinstance(engine, Loads):
        yield
        return
    with _loading_shown() as show:
        looking = asyncio.create_task(_look(engine, show))
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


async def _look(engine: Loads, show: Callable[[Loading | None], None]) -> None:
    while True:
        show(engine.loading)
        await asyncio.sleep(_LOOK)


def _loading_shown() -> AbstractContextManager[Callable[[Loading | None], None]]:
    """What takes how far it is: where a person watches, one line that is written anew, and else lines that stay."""
    return _rewritten_line() if sys.stderr is not None and sys.stderr.isatty() else nullcontext(LinesThatStay())


class LinesThatStay:
    """A line a stage, and now and then the latest of the server's log, where what is written stays."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage: str | None = None
        self._line: str | None = None
        self._told = 0.0

    def __call__(self, loading: Loading | None) -> None:
        """Tell what is new of it."""
        if loading is None:
            return
        now = self._clock()
        if loading.stage != self._stage:
            self._stage, self._told = loading.stage, now
            tell(f"{loading.stage[:1].upper()}{loading.stage[1:]} …")
        elif loading.last_line not in (None, self._line) and now >= self._told + _LINE_PAUSE:
            self._line, self._told = loading.last_line, now
            tell(_words(loading, now))


@contextmanager
def _rewritten_line() -> Iterator[Callable[[Loading | None], None]]:
    with ExitStack() as stack:
        live: Live | None = None

        def show(loading: Loading | None) -> None:
            nonlocal live
            if live is None:
                if loading is None:
                    return
                live = stack.enter_context(_empty_line())
            live.update(_line_of(loading), refresh=True)

        yield show


def _empty_line() -> "Live":
    """A line of which nothing is left in the end."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    return Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)


def _line_of(loading: Loading | None) -> "Text":
    from rich.text import Text

    words = "" if loading is None else _words(loading, time.monotonic())
    return Text(words, no_wrap=True, overflow="ellipsis")


def _words(loading: Loading, now: float) -> str:
    minutes, seconds = divmod(int(now - loading.began), 60)
    words = (loading.stage, f"{minutes}:{seconds:02d}", loading.last_line)
    return " · ".join(safe_line(word) for word in words if word)
