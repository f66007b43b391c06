"""An app with one output pane in it, and what a reader sees of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Label

from steer_tui.tui.widgets.output import OutputPane


class PaneApp(App[None]):
    """A pane between two lines, which stand for its neighbours on a screen."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[bool] = []

    def compose(self) -> ComposeResult:
        yield Label("above")
        yield OutputPane()
        yield Label("below")

    def on_output_pane_follow_changed(self, message: OutputPane.FollowChanged) -> None:
        assert message.pane is self.pane
        self.changes.append(message.following)

    @property
    def pane(self) -> OutputPane:
        return self.query_one(OutputPane)

    def seen(self) -> list[str]:
        """The rows of the pane as they stand on the screen, without trailing blanks."""
        width = self.pane.scrollable_content_region.width
        rows = self.screen._compositor.render_strips()[1:-1]
        return [row.crop(0, width).text.rstrip() for row in rows]


Running = Callable[..., AbstractAsyncContextManager[tuple[OutputPane, Pilot[None]]]]


@pytest.fixture
def running() -> Running:
    """Start an app of a size in cells, beside the lines around it: `async with running(20, 5) as (pane, pilot)`."""

    @asynccontextmanager
    async def run(width: int = 20, height: int = 5) -> AsyncIterator[tuple[OutputPane, Pilot[None]]]:
        app = PaneApp()
        async with app.run_test(size=(width, height + 2)) as pilot:
            app.pane.focus()
            await pilot.pause()
            yield app.pane, pilot

    return run


@pytest.fixture
def settled() -> Callable[[Pilot[None]], object]:
    """Wait until scrolling has come to rest and the screen shows it."""

    async def settle(pilot: Pilot[None]) -> None:
        await pilot._wait_for_screen()
        await pilot.app.animator.wait_until_complete()
        await pilot.pause(0.05)

    return settle
