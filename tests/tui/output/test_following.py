"""The view keeps to the end until the reader leaves it, and again once they come back, by whatever way."""

from collections.abc import Awaitable, Callable

import pytest
from textual.events import MouseEvent, MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from steer_tui.tui.widgets.output import OutputPane

Settle = Callable[[Pilot[None]], Awaitable[None]]


def lines(first: int, count: int) -> list[str]:
    return [f"{number}\n" for number in range(first, first + count)]


async def test_the_end_stays_in_view_while_text_comes(running, settled) -> None:
    async with running(height=4) as (pane, pilot):
        pane.start("")
        for number in range(30):
            pane.append([f"{number}\n"])
        await settled(pilot)
        assert pilot.app.seen() == ["27", "28", "29", ""]
        assert pane.following
        assert pilot.app.changes == []


async def wheel(pane: OutputPane, pilot: Pilot[None], event: type[MouseEvent], times: int) -> None:
    for _ in range(times):
        await pilot._post_mouse_events([event], pane)


async def keys(pane: OutputPane, pilot: Pilot[None], key: str, times: int = 1) -> None:
    await pilot.press(*[key] * times)


async def drag_the_scrollbar(pane: OutputPane, pilot: Pilot[None]) -> None:
    column = pane.region.width - 1
    await pilot.mouse_down(pane, offset=(column, 0))
    await pilot.hover(pane, offset=(column, 2))
    await pilot.hover(pane, offset=(column, pane.region.height))
    await pilot.mouse_up(pane, offset=(column, pane.region.height))


WAYS_BACK = {
    "the wheel": lambda pane, pilot: wheel(pane, pilot, MouseScrollDown, 10),
    "down": lambda pane, pilot: keys(pane, pilot, "down", 20),
    "page down": lambda pane, pilot: keys(pane, pilot, "pagedown", 5),
    "end": lambda pane, pilot: keys(pane, pilot, "end"),
    "dragging the scrollbar": drag_the_scrollbar,
}


@pytest.mark.parametrize("way", WAYS_BACK)
async def test_coming_back_to_the_end_follows_again(running, settled, way: str) -> None:
    async with running(height=6) as (pane, pilot):
        pane.append(lines(0, 16))
        await pilot.pause()
        pane.scroll_home(animate=False, immediate=True)
        await pilot.pause()
        assert not pane.following

        await WAYS_BACK[way](pane, pilot)
        pane.append(lines(16, 4))  # while the view may still be on its way
        await settled(pilot)
        assert pane.following
        assert pilot.app.changes == [False, True]

        pane.append(lines(20, 10))
        await settled(pilot)
        assert pilot.app.seen()[-2:] == ["29", ""]


WAYS_UP = {
    "the wheel": lambda pane, pilot: wheel(pane, pilot, MouseScrollUp, 1),
    "up": lambda pane, pilot: keys(pane, pilot, "up"),
    "page up": lambda pane, pilot: keys(pane, pilot, "pageup"),
    "home": lambda pane, pilot: keys(pane, pilot, "home"),
}


@pytest.mark.parametrize("way", WAYS_UP)
async def test_scrolling_up_pauses_and_growth_does_not_move_the_view(running, settled, way: str) -> None:
    async with running(height=6) as (pane, pilot):
        pane.append(lines(0, 40))
        await settled(pilot)
        await WAYS_UP[way](pane, pilot)
        await settled(pilot)
        assert pilot.app.changes == [False]
        seen = pilot.app.seen()

        pane.append(lines(40, 100))
        await settled(pilot)
        assert pilot.app.seen() == seen
        assert not pane.following


async def test_scrolling_up_wins_over_text_that_comes_at_the_same_time(running, settled) -> None:
    async with running(height=6) as (pane, pilot):
        pane.append(lines(0, 40))
        await settled(pilot)
        await pilot.press("pageup")
        for number in range(40, 60):
            pane.append([f"{number}\n"])
            await pilot.pause(0.005)
        await settled(pilot)
        assert not pane.following
        assert "59" not in pilot.app.seen()


async def test_the_scrollbar_is_exact_once_no_more_text_is_to_come_or_the_reader_leaves_the_end(
    running, settled
) -> None:
    async with running(height=6) as (pane, pilot):
        bar = pane.vertical_scrollbar
        for leave in (lambda: setattr(pane, "cursor", False), lambda: pane.scroll_up(animate=False, immediate=True)):
            pane.cursor = True
            for number in range(34):  # which leave the scrollbar a row behind
                pane.append([f"{number}\n"])
                await pilot.pause()
            assert bar.window_virtual_size < pane.virtual_size.height
            leave()
            await settled(pilot)
            assert (bar.window_virtual_size, bar.position) == (pane.virtual_size.height, pane.scroll_y)


async def test_following_can_be_set(running, settled) -> None:
    async with running(height=6) as (pane, pilot):
        pane.append(lines(0, 40))
        await settled(pilot)
        pane.following = False
        pane.append(lines(40, 10))
        await settled(pilot)
        assert pilot.app.seen()[-2:] == ["39", "40"]
        pane.following = True
        await settled(pilot)
        assert pilot.app.seen()[-2:] == ["49", ""]


async def test_a_rewind_that_leaves_the_reader_at_the_end_follows_again(running, settled) -> None:
    async with running(height=6) as (pane, pilot):
        pane.append(lines(0, 40))
        await settled(pilot)
        await pilot.press("up")
        await settled(pilot)
        pane.rewind(20)
        pane.append(lines(20, 5))
        await settled(pilot)
        assert pane.following
        assert pilot.app.seen()[-2:] == ["24", ""]


async def test_a_new_start_follows_from_the_top(running, settled) -> None:
    async with running(height=6) as (pane, pilot):
        pane.append(lines(0, 40))
        await pilot.pause()
        pane.scroll_home(animate=False, immediate=True)
        await pilot.pause()
        assert not pane.following
        pane.start("Once")
        await settled(pilot)
        assert pilot.app.seen() == ["Once", "", "", "", "", ""]
        pane.append(lines(0, 40))
        await settled(pilot)
        assert pilot.app.seen()[-2:] == ["39", ""]
