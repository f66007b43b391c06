"""Notes stand in the text as it is drawn, and are no part of it."""

from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot

from steer_tui.tui.widgets.output import Note, OutputPane
from steer_tui.tui.widgets.output.noted import NotedText
from steer_tui.tui.widgets.output.wrapped import WrappedText


async def drag(pilot: Pilot[None], pane: OutputPane, start: tuple[int, int], end: tuple[int, int]) -> str | None:
    await pilot.mouse_down(pane, offset=start)
    await pilot.hover(pane, offset=end)
    await pilot.mouse_up(pane, offset=end)
    await pilot.pause()
    return pane.screen.get_selected_text()


async def test_a_note_stands_before_its_token_and_is_no_part_of_the_text(running) -> None:
    async with running(width=30) as (pane, pilot):
        pane.start("Once")
        pane.append([" upon", " a", " time"])
        pane.annotate([Note(1, " ▸sea◂")])
        await pilot.pause()
        assert pilot.app.seen()[0] == "Once upon ▸sea◂ a time"
        assert (pane.text, pane.token_count) == (" upon a time", 3)
        pane.append([" there"])
        await pilot.pause()
        assert pilot.app.seen()[0] == "Once upon ▸sea◂ a time there"


async def test_a_note_before_the_next_token_shows_at_once_and_one_beyond_it_once_its_token_comes(running) -> None:
    async with running(width=30) as (pane, pilot):
        pane.append(["a", " b"])
        pane.annotate([Note(2, " ▸1◂"), Note(4, " ▸2◂")])
        await pilot.pause()
        assert pilot.app.seen()[0] == "a b ▸1◂"
        pane.append([" c"])
        await pilot.pause()
        assert pilot.app.seen()[0] == "a b ▸1◂ c"
        pane.append([" d", " e"])
        await pilot.pause()
        assert pilot.app.seen()[0] == "a b ▸1◂ c d ▸2◂ e"
        assert pane.text == "a b c d e"


async def test_a_note_wraps_with_the_text(running) -> None:
    async with running(width=10) as (pane, pilot):
        pane.append(["one", " two", " three"])
        pane.annotate([Note(2, " ▸winter◂")])
        await pilot.pause()
        assert pilot.app.seen()[:3] == ["one two", "▸winter◂", "three"]


async def test_a_note_is_drawn_in_visible_symbols_and_scrolls_with_its_token(running) -> None:
    async with running(width=20, height=4) as (pane, pilot):
        pane.append([f"{number}\n" for number in range(40)])
        pane.annotate([Note(39, " ▸\x1b[2J\u202e[red]◂")])
        await pilot.pause()
        end = pilot.app.seen()
        assert end[1:] == ["38", " ▸␛[2J\ufffd[red]◂39", ""]
        pane.scroll_home(animate=False, immediate=True)
        await pilot.pause()
        assert pilot.app.seen() == ["0", "1", "2", "3"]
        pane.scroll_end(animate=False, immediate=True)
        await pilot.pause()
        assert pilot.app.seen() == end


async def test_what_is_copied_has_no_notes(running) -> None:
    async with running(width=30) as (pane, pilot):
        pane.append(["one", " two", " three"])
        pane.annotate([Note(1, "▸"), Note(2, " ▸sea◂")])
        await pilot.pause()
        assert pilot.app.seen()[0] == "one▸ two ▸sea◂ three"
        assert await drag(pilot, pane, (0, 0), (19, 0)) == "one two three"
        assert await drag(pilot, pane, (5, 0), (16, 0)) == "two th"
        assert await drag(pilot, pane, (9, 0), (12, 0)) == ""
        pane.text_select_all()
        assert pane.screen.get_selected_text() == "one two three"


async def test_a_selection_stays_when_a_note_comes_at_the_end_and_goes_when_one_comes_before_it(running) -> None:
    async with running(width=30) as (pane, pilot):
        pane.append(["one", " two", " three"])
        await pilot.pause()
        assert await drag(pilot, pane, (4, 0), (6, 0)) == "two"
        pane.annotate([Note(3, " ▸sea◂")])
        assert pane.screen.get_selected_text() == "two"
        pane.annotate([Note(1, " ▸sea◂")])
        assert pane not in pane.screen.selections


async def test_a_rewind_takes_the_notes_beyond_it_along(running) -> None:
    async with running(width=30) as (pane, pilot):
        pane.append(["a", " b", " c"])
        pane.annotate([Note(1, "▸"), Note(2, " ▸1◂"), Note(7, " ▸2◂")])
        pane.rewind(2)
        await pilot.pause()
        assert pilot.app.seen()[0] == "a▸ b"
        pane.append([" c"] * 9)
        await pilot.pause()
        assert pilot.app.seen()[0] == "a▸ b c c c c c c c c c"


async def test_a_reader_who_scrolled_up_is_left_in_peace_by_a_note_further_down(running) -> None:
    async with running(width=20, height=4) as (pane, pilot):
        pane.append([f"{number}\n" for number in range(40)])
        await pilot.pause()
        pane.scroll_to(y=5, animate=False)
        await pilot.pause()
        seen = pilot.app.seen()
        pane.annotate([Note(30, " ▸sea◂"), Note(40, " ▸sea◂")])
        await pilot.pause(0.05)
        assert pilot.app.seen() == seen
        assert not pane.following
        pane.scroll_end(animate=False, immediate=True)
        await pilot.pause()
        assert pane.following
        assert pilot.app.seen()[-1] == " ▸sea◂"


async def test_other_notes_in_view_are_drawn_at_once(running) -> None:
    async with running(width=20, height=4) as (pane, pilot):
        pane.append(["one\n", "two\n", "three\n"])
        await pilot.pause()
        pane.annotate([Note(1, "▸")])
        await pilot.pause(0.05)
        assert pilot.app.seen() == ["one", "▸two", "three", ""]
        pane.annotate([])
        await pilot.pause(0.05)
        assert pilot.app.seen() == ["one", "two", "three", ""]


def drawn(tokens: list[str], notes: list[Note]) -> str:
    """Tokens with the notes that have their place among them."""
    pieces = []
    for index, token in enumerate([*tokens, ""]):
        pieces += [note.words for note in notes if note.index == index]
        pieces.append(token)
    return "".join(pieces)


TOKENS = st.lists(st.sampled_from(["a", " b", " ccc", "\n", "", "你", " \n "]), max_size=8)
NOTES = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["▸", " ▸winter◂"])), unique_by=lambda note: note[0])
STEPS = st.lists(TOKENS | NOTES.map(lambda notes: [Note(*note) for note in sorted(notes)]) | st.integers(0, 20))


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, width=st.integers(2, 12))
def test_whatever_comes_and_goes_the_text_is_wrapped_as_if_it_had_come_at_once(steps: list, width: int) -> None:
    text, tokens, notes = NotedText("Once", width), [], []
    for step in steps:
        if isinstance(step, int):
            if step < len(tokens):
                text.rewind(step)
                tokens, notes = tokens[:step], [note for note in notes if note.index < step]
        elif step and isinstance(step[0], Note):
            text.annotate(step)
            notes = step
        else:
            text.append(step)
            tokens = [*tokens, *step]
        whole = WrappedText("Once" + drawn(tokens, notes), width)
        assert (text.wrapped.lines, text.wrapped.starts) == (whole.lines, whole.starts)
        assert text.without_notes(0, len(text.wrapped)) == "Once" + "".join(tokens)
        assert len(text.marks) == len(tokens)
        assert text.marks.end(0) == 4
