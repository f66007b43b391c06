"""What the mouse selects is what is drawn, joined as the source is."""

from textual.pilot import Pilot

from steer_tui.tui.widgets.output import OutputPane


async def drag(pilot: Pilot[None], pane: OutputPane, start: tuple[int, int], end: tuple[int, int]) -> str | None:
    await pilot.mouse_down(pane, offset=start)
    await pilot.hover(pane, offset=end)
    await pilot.mouse_up(pane, offset=end)
    await pilot.pause()
    return pane.screen.get_selected_text()


def highlighted(pane: OutputPane) -> list[str]:
    """The selected cells of each row, as they are drawn."""
    color = pane.screen.get_component_rich_style("screen--selection").bgcolor
    return [
        "".join(text for text, style, _ in strip if style and style.bgcolor == color)
        for strip in pane.render_lines(pane.outer_size.region)
    ]


async def test_wrapped_lines_are_joined_and_newlines_stay(running) -> None:
    async with running(width=11, height=6) as (pane, pilot):
        pane.start("One two three")
        pane.append([" four", "\n\n", "five"])
        await pilot.pause()
        assert pilot.app.seen()[:4] == ["One two", "three four", "", "five"]
        assert await drag(pilot, pane, (4, 0), (3, 3)) == "two three four\n\nfive"
        assert highlighted(pane)[:4] == ["two ", "three four", "", "five"]


async def test_a_cluster_is_selected_whole(running) -> None:
    async with running(width=20, height=6) as (pane, pilot):
        pane.append(["ae", "\u0301o 你好", " 👩\u200d", "🚀!"])
        await pilot.pause()
        for column, cluster in ((1, "e\u0301"), (2, "o"), (4, "你"), (5, "好"), (6, "好"), (9, "👩\u200d🚀")):
            selected = await drag(pilot, pane, (column, 0), (column, 1))
            assert selected is not None
            assert selected.startswith(cluster)
            await pilot.click("Label")


async def test_a_tab_counts_once(running) -> None:
    async with running(width=20, height=3) as (pane, pilot):
        pane.append(["a\tb\tc"])
        await pilot.pause()
        assert pilot.app.seen()[0] == "a   b   c"
        assert await drag(pilot, pane, (2, 0), (4, 0)) == "\tb"
        assert highlighted(pane)[0] == "   b"


async def test_the_copy_shows_what_was_hidden_in_the_text(running) -> None:
    async with running(width=20, height=3) as (pane, pilot):
        pane.append(["a\x1b[31m\u202eb"])
        await pilot.pause()
        assert await drag(pilot, pane, (0, 0), (10, 0)) == "a␛[31m\ufffdb"


async def test_a_selection_stays_on_its_text_while_more_comes_and_the_width_changes(running) -> None:
    async with running(width=16, height=4) as (pane, pilot):
        pane.append(["one two three four"])
        await pilot.pause()
        assert await drag(pilot, pane, (4, 0), (6, 0)) == "two"
        pane.append([" five\n"] * 20)
        await pilot.resize_terminal(9, 8)
        await pilot.pause()
        pane.following = False
        pane.scroll_home(animate=False)
        await pilot.pause()
        assert pane.screen.get_selected_text() == "two"
        assert highlighted(pane)[0] == "two"


async def test_everything_can_be_selected_from_the_prompt_to_below_the_end(running) -> None:
    async with running(width=16, height=8) as (pane, pilot):
        pane.start("Once ")
        pane.append(["upon a time there was"])
        await pilot.pause()
        assert await drag(pilot, pane, (0, 0), (3, 6)) == "Once upon a time there was"
        pane.text_select_all()
        await pilot.pause()
        assert pane.screen.get_selected_text() == "Once upon a time there was"


async def test_what_replaces_the_text_is_not_selected(running) -> None:
    async with running(width=16, height=4) as (pane, pilot):
        pane.append(["one two three four"])
        await pilot.pause()
        await drag(pilot, pane, (0, 0), (6, 0))
        pane.rewind(0)
        pane.append(["other text"])
        await pilot.pause()
        assert pane not in pane.screen.selections
        assert "".join(highlighted(pane)) == ""
