"""A scripted engine behind a server that has to load its model first, and that may warn of itself.

engine = LoadingEngine()                  # waits until engine.loaded.set()
engine.fail(Rejected("No such model."))   # everybody who waits hears of it
engine.tried = asyncio.Event()            # what answers is tried out until this is set
engine.ending = asyncio.Event()           # a server that nobody waits for any longer ends when this is set
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from scripted_engine import Script, ScriptedEngine

from steer_tui.domain import Event, GenerationRequest, SteerError
from steer_tui.engines.services import Loading
from steer_tui.generation.delivery import Clock

STAGE = "the server loads the model"


class LoadingEngine(ScriptedEngine):
    """Starts its server for the first who needs it, and ends it when the last who waits has given up."""

    def __init__(self, script: Script | None = None, *, clock: Clock = time.monotonic, **options: Any) -> None:
        super().__init__(script, **options)
        self.info = replace(self.info, model="unknown")
        self.loading: Loading | None = None
        self.warning: str | None = None
        self.loaded = asyncio.Event()
        self.ending: asyncio.Event | None = None
        self.tried: asyncio.Event | None = None
        self.starts = self.ends = self.prepared = 0
        self.finds = ""
        """What the engine warns of once it is ready."""
        self._clock = clock
        self.waiting = 0
        self._fault: SteerError | None = None

    def fail(self, error: SteerError) -> None:
        """The server does not start."""
        self._fault = error
        self.loaded.set()

    def say(self, line: str) -> None:
        """The server writes a line to its log."""
        assert self.loading is not None
        self.loading = replace(self.loading, last_line=line)

    def lose(self) -> None:
        """The server is gone; the next who needs it starts it anew."""
        self.loaded.clear()
        self.warning = None

    async def _ready(self) -> None:
        if self.loaded.is_set() and self._fault is None:
            return
        if not self.waiting:
            self._fault = None
            self.loaded.clear()
            self.starts += 1
            self.loading = Loading(STAGE, self._clock())
        self.waiting += 1
        try:
            await self.loaded.wait()
        finally:
            self.waiting -= 1
            if not self.loaded.is_set() and not self.waiting:
                if self.ending is not None:
                    await self.ending.wait()
                self.ends += 1
            if not self.waiting:
                self.loading = None
        if self._fault is not None:
            raise self._fault

    async def prepare(self) -> None:
        """Wait for the server, and find out what there is to warn of."""
        await self._ready()
        self.info = replace(self.info, model="tiny-llama")
        if self.tried is not None:
            await self.tried.wait()
        self.prepared += 1
        self.warning = self.finds or None

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        """Wait for the server, then speak."""
        await self._ready()
        async with aclosing(super().stream(request)) as events:
            async for event in events:
                yield event
