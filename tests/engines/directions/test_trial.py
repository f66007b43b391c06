"""Trying out whether steering has an effect: made once, also where who asked for it is gone."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence

import pytest

from steer_tui.domain import DoneEvent, Event, Feature, FinishReason, GenerationRequest, Lane, TokenEvent
from steer_tui.engines import lasting
from steer_tui.engines.directions.canary import CANARY_WARNING
from steer_tui.engines.directions.trial import Trial


async def unmoved(request: GenerationRequest) -> AsyncGenerator[Event, None]:
    """A server that writes the same whatever it is asked."""
    yield TokenEvent("same", 0, Lane.STEERED)
    yield DoneEvent(Lane.STEERED, FinishReason.COMPLETE)


class Features:
    """Those that a server is tried out with, found once they may be."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_be_found = asyncio.Event()

    async def __call__(self) -> Sequence[Feature]:
        self.asked += 1
        await self.may_be_found.wait()
        return [Feature(id="a", label="a", unit=1.0)]


async def test_it_goes_on_where_who_began_it_is_gone() -> None:
    trial, features = Trial(), Features()
    first = asyncio.create_task(trial.run("server", features, unmoved))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    again = asyncio.create_task(trial.run("server", features, unmoved))
    await asyncio.sleep(0)
    features.may_be_found.set()
    await again
    await trial.run("server", features, unmoved)
    assert (features.asked, trial.warning) == (1, CANARY_WARNING)


async def test_one_that_takes_too_long_keeps_nobody_and_is_not_made_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lasting, "LASTING_SECONDS", 0.01)
    trial, features = Trial(), Features()
    with caplog.at_level(logging.WARNING, logger="steer_tui"):
        await trial.run("server", features, unmoved)
    await trial.run("server", features, unmoved)
    assert (features.asked, trial.warning) == (1, None)
    assert "was not seen in time" in caplog.text
