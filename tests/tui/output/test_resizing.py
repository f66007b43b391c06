"""A change of size wraps anew and keeps the reader's place."""

WORDS = " ".join(f"word{number}" for number in range(200))


async def test_a_new_width_wraps_all_lines(running) -> None:
    async with running(width=20, height=4) as (pane, pilot):
        pane.append([WORDS[:23]])
        await pilot.pause()
        assert pilot.app.seen()[:2] == ["word0 word1 word2", "word3"]
        await pilot.resize_terminal(13, 6)
        await pilot.pause()
        assert pilot.app.seen()[:2] == ["word0 word1", "word2 word3"]


async def test_the_end_stays_in_view(running) -> None:
    async with running(width=20, height=4) as (pane, pilot):
        pane.append([WORDS])
        await pilot.pause()
        for width, height in ((13, 6), (40, 12), (9, 4)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
            assert pilot.app.seen()[-1].endswith("word199")
            assert pane.following


async def test_the_text_at_the_top_stays_in_view_for_a_reader_who_scrolled_up(running) -> None:
    async with running(width=20, height=4) as (pane, pilot):
        pane.append([WORDS])
        await pilot.pause()
        pane.scroll_to(y=30, animate=False)
        await pilot.pause()
        first = pilot.app.seen()[0].split()[0]
        for width in (13, 40, 9):
            await pilot.resize_terminal(width, 6)
            await pilot.pause()
            assert first in pilot.app.seen()[0].split()
            assert not pane.following
        pane.append([" more"] * 100)
        await pilot.pause()
        assert first in pilot.app.seen()[0].split()


async def test_a_view_that_grows_to_show_the_end_follows_it(running) -> None:
    async with running(width=20, height=4) as (pane, pilot):
        pane.append(["line\n"] * 10)
        await pilot.pause()
        pane.scroll_up(animate=False, immediate=True)
        await pilot.pause()
        assert not pane.following
        await pilot.resize_terminal(20, 30)
        await pilot.pause()
        assert pane.following


async def test_lines_never_run_past_the_side(running) -> None:
    async with running(width=20, height=4) as (pane, pilot):
        pane.append(["x" * 500])
        await pilot.pause()
        assert (pane.max_scroll_x, pane.show_horizontal_scrollbar) == (0, False)
        await pilot.press("right", "left")
        assert pane.scroll_x == 0
