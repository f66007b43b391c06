from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from fake_time import FakeTime
from rehearsal import Rehearsal


@pytest.fixture
async def rehearse() -> AsyncGenerator[Callable[..., Awaitable[Rehearsal]], None]:
    """Begin a rehearsal; each ends with its test, and with the error that its controller ended in, if any."""
    begun: list[Rehearsal] = []

    async def begin(*arguments: Any, **options: Any) -> Rehearsal:
        begun.append(Rehearsal(*arguments, **options))
        return await begun[-1].begin()

    yield begin
    for rehearsal in begun:
        await rehearsal.end()


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()
