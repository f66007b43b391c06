"""How far a server is that loads its model, on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

from steer_tui.cli.telling import tell
from steer_tui.domain import safe_line
from steer_tui.engines.services import Loading

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text


def loading_shown() -> AbstractContextManager[Callable[[Loading | None], None]]:
    """What takes how far it is: where a person watches, one line that is written anew, and else a line a stage."""
    return _rewritten_line() if sys.stderr is not None and sys.stderr.isatty() else _line_a_stage()


@contextmanager
def _line_a_stage() -> Iterator[Callable[[Loading | None], None]]:
    told: str | None = None

    def show(loading: Loading | None) -> None:
        nonlocal told
        if loading is not None and loading.stage != told:
            told = loading.stage
            tell(f"{told[:1].upper()}{told[1:]} …")

    yield show


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

    words: list[str | None] = []
    if loading is not None:
        minutes, seconds = divmod(int(time.monotonic() - loading.began), 60)
        words = [loading.stage, f"{minutes}:{seconds:02d}", loading.last_line]
    return Text(" · ".join(safe_line(word) for word in words if word), no_wrap=True, overflow="ellipsis")
