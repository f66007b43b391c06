"""`steer-tui` with an engine that can be swept: at once, or a word a moment where SLOWLY is set.

It writes "closed" to the file named in CLOSED when it is closed.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from scripted_engine import FEATURES, Step, speaking
from sweeping_engine import SweepingEngine

from steer_tui.cli import main
from steer_tui.domain import GenerationRequest
from steer_tui.engines import registry

MOMENT = 0.02


def slowly(request: GenerationRequest) -> Iterable[Step]:
    for step in speaking()(request):
        yield MOMENT
        yield step


def note_closed() -> None:
    Path(os.environ["CLOSED"]).write_text("closed")


class Engine(SweepingEngine):
    def __init__(self) -> None:
        super().__init__(slowly if "SLOWLY" in os.environ else None, features=FEATURES)

    async def aclose(self) -> None:
        note_closed()


if __name__ == "__main__":
    registry._FACTORIES["builtin"] = lambda _: Engine()
    main()
