"""`steer-tui` with an engine that does what the variable SCRIPT says, for what the embedded model never does.

It writes "closed" to the file named in CLOSED when it is closed.
"""

import asyncio
import os
import time
from pathlib import Path

from steer_tui.cli import main
from steer_tui.domain import (
    DoneEvent,
    Feature,
    FinishReason,
    Method,
    RateLimited,
    Rejected,
    TokenEvent,
    Unreachable,
)
from steer_tui.engines import EngineInfo, PromptWindow, registry
from steer_tui.engines.services import Loading

FEATURES = [
    Feature("toy/means/sea", "Sea", 2.0, promoted=(" sea", "\n"), max_activation=9.5),
    Feature("toy/1-sae/7", "winter", 2.0),
    Feature("toy/1-sae/8", "twice", 2.0),
    Feature("toy/1-sae/9", "Twice", 2.0),
    Feature("toy/1-sae/10", "a=b", 2.0),
    Feature("toy/1-sae/11", "sea\x1b[31mred", 2.0),
]


LOADING = ("loads", "loads for ever", "loads and warns", "does not answer")
"""The scripts of an engine whose server loads its model first."""


def note_closed() -> None:
    if "CLOSED" in os.environ:
        Path(os.environ["CLOSED"]).write_text("closed")


class ScriptedEngine:
    def __init__(self):
        self.attempts = 0

    info = EngineInfo("builtin", "toy")

    async def stream(self, request):
        self.attempts += 1
        [lane] = request.lanes
        vector = ",".join(f"{dial.feature.label}={dial.value:g}" for dial in request.vector_of(lane).dials)
        method = "" if request.vector.method is Method.ADDITIVE else f"{request.vector.method.value} "
        tokens = [f"[{method}{vector}]", " one", " two"]
        match os.environ["SCRIPT"]:
            case "fails":
                yield TokenEvent(tokens[0], 0, lane)
                raise Rejected("The server refused: no.", hint="Ask for less.")
            case "is rate limited":
                raise RateLimited("Too many requests.", retry_after=12)
            case "loses the connection once":
                if self.attempts == 2 and time.monotonic() < self.earliest:
                    raise Rejected("The server refused: too soon.", hint="Wait as long as it said.")
                for index, token in enumerate(tokens):
                    yield TokenEvent(token, index, lane)
                    if index == 1 and self.attempts == 1:
                        self.earliest = time.monotonic() + 0.1
                        raise Unreachable("The connection was lost.", retry_after=0.1)
            case "says something else after a lost connection":
                yield TokenEvent("one ", 0, lane)
                if self.attempts == 1:
                    yield TokenEvent("two", 1, lane)
                    raise Unreachable("The connection was lost.", retry_after=0.01)
                yield TokenEvent("three", 1, lane)
            case "writes on the terminal":
                yield TokenEvent("a\x1b[2J\x1b]0;title\x07b\n", 0, lane)
            case "never ends":
                for index in range(10**9):
                    yield TokenEvent(" more", index, lane)
                    await asyncio.sleep(0.01)
            case "sends half a character":
                yield TokenEvent("a\udcc3b", 0, lane)
            case _:
                for index, token in enumerate(tokens):
                    yield TokenEvent(token, index, lane)
        yield DoneEvent(lane, FinishReason.COMPLETE)

    async def prompt_window(self, request):
        words = len(request.prompt.split())
        return PromptWindow(min(words, 5), words)

    async def find_features(self, query, limit=None):
        if os.environ["SCRIPT"] == "offers nothing":
            raise Rejected("The server refused: no.", hint="Ask for less.")
        return [feature for feature in FEATURES if query.casefold() in feature.label.casefold()][:limit]

    async def aclose(self):
        note_closed()


class LoadingEngine(ScriptedEngine):
    """One with a server that loads its model first, and with more than one method."""

    info = EngineInfo("builtin", "toy", methods=(Method.ADDITIVE, Method.ABLATE))
    loading: Loading | None = None
    warning: str | None = None

    async def prepare(self):
        if os.environ["SCRIPT"] == "does not answer":
            await asyncio.Event().wait()
        if os.environ["SCRIPT"] == "loads and warns":
            self.warning = "Steering has no effect\x1b here."
        if self.loading is None and self.attempts == 0:
            await self._load()

    async def _load(self):
        began = time.monotonic() - 5
        try:
            for line in (None, "first line", "weights:\x1b 50% " + "=" * 100):
                stage = "starting the server" if line is None else "the server loads toy"
                self.loading = Loading(stage, began, line)
                await asyncio.sleep(1e6 if os.environ["SCRIPT"] == "loads for ever" else 0.5)
        finally:
            self.loading = None
        self.attempts = 1

    async def find_features(self, query, limit=None):
        await self.prepare()
        return await super().find_features(query, limit)


def made():
    return (LoadingEngine if os.environ["SCRIPT"] in LOADING else ScriptedEngine)()


if __name__ == "__main__":
    registry._FACTORIES["builtin"] = lambda _: made()
    main()
