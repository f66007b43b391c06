"""How long an answer is waited for, and what the person sees meanwhile of a server that loads its model first."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from steer_tui.cli.loading import loading_shown
from steer_tui.engines import Engine
from steer_tui.engines.services import Loading, Loads
from steer_tui.generation.patience import patience

_MEASURING_TIMES = 10
"""How many answers' time one may take with a model of one's own, whose residual norms may be measured for it first."""

_LOOK = 0.2
"""Seconds between two looks at how far it is."""


def answering(engine: Engine) -> AbstractAsyncContextManager[None]:
    """Wait for the answer to a question beside generating, within its time."""
    return patience(_MEASURING_TIMES if isinstance(engine, Loads) else 1, engine=engine)


@asynccontextmanager
async def showing_loading(engine: Engine) -> AsyncIterator[None]:
    """Show on standard error how far the engine's server is, as long as what is inside runs."""
    if not isinstance(engine, Loads):
        yield
        return
    with loading_shown() as show:
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
