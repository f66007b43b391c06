"""Work that goes on when those who wait for it are gone."""

import asyncio

import pytest

from steer_tui.domain import NotFound, Rejected, TimedOut
from steer_tui.engines import lasting
from steer_tui.engines.lasting import Lasting


class Work:
    """What takes until it is let go, and how often it began."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()
        self.was_cancelled = False

    async def __call__(self) -> int:
        self.begun += 1
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return self.begun


async def test_who_asks_while_it_lasts_joins_it_whoever_began_it() -> None:
    works, work = Lasting[int](), Work()
    first = asyncio.create_task(works.result("a", work))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    others = [asyncio.create_task(works.result("a", work)) for _ in range(3)]
    await asyncio.sleep(0)
    work.go_on.set()
    assert await asyncio.gather(*others) == [1, 1, 1]
    assert await works.result("a", work) == 2  # what has ended is begun anew


async def test_work_of_another_name_is_other_work() -> None:
    works, work = Lasting[int](), Work()
    both = [asyncio.create_task(works.result(name, work)) for name in "ab"]
    await asyncio.sleep(0)
    work.go_on.set()
    await asyncio.gather(*both)
    assert work.begun == 2


async def test_an_error_goes_to_everybody_who_waits_and_is_forgotten() -> None:
    async def fails() -> int:
        raise NotFound("nothing there")

    async def succeeds() -> int:
        return 1

    works = Lasting[int]()
    told = await asyncio.gather(*(works.result("a", fails) for _ in range(2)), return_exceptions=True)
    assert [str(error) for error in told] == ["nothing there"] * 2
    assert await works.result("a", succeeds) == 1


async def test_what_never_ends_makes_room_for_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting, "LASTING_SECONDS", 0.01)
    works, work = Lasting[int](), Work()
    with pytest.raises(TimedOut):
        await works.result("a", work)
    work.go_on.set()
    assert await works.result("a", work) == 2


async def test_a_close_ends_it_and_tells_who_waits() -> None:
    works, work = Lasting[int](), Work()
    waiting = asyncio.create_task(works.result("a", work))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await works.aclose()
    assert work.was_cancelled
    with pytest.raises(Rejected, match="closed"):
        await waiting
    with pytest.raises(Rejected, match="closed"):
        await works.result("a", work)
