"""What stands on the screen: prompt, tokens, cursor, whatever the text, the size and the theme."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steer_tui.tui.widgets.output import Note, OutputPane

HOSTILE = [
    "\x1b[2J",
    "\x07",
    "\r",
    "\u202e",
    "\ud800",
    "\u200d",
    "\ufe0f",
    "\u0301",
    "👩\u200d🚀",
    "你",
    "\t",
    "",
    "\n",
    " " * 50,
]


def styled(pane: OutputPane, row: int = 0) -> list[tuple[str, frozenset[str], object]]:
    """The pieces of a row: text, attributes, background."""
    strip = pane.render_lines(pane.outer_size.region)[row]
    return [
        (text, frozenset(name for name in ("dim", "underline", "reverse") if getattr(style, name)), style.bgcolor)
        for text, style, _ in strip
        if text and style
    ]


async def test_the_prompt_comes_first_and_the_text_goes_on_from_it(running) -> None:
    async with running() as (pane, pilot):
        pane.start("Once upon")
        pane.append([" a", " time"])
        await pilot.pause()
        assert pilot.app.seen()[0] == "Once upon a time"
        assert (pane.text, pane.token_count) == (" a time", 2)


async def test_text_is_kept_as_it_came_and_drawn_as_visible_symbols(running) -> None:
    async with running() as (pane, pilot):
        pane.append(["a\x1b[31m", "\u202eb\r"])
        await pilot.pause()
        assert pane.text == "a\x1b[31m\u202eb\r"
        assert pilot.app.seen()[0] == "a␛[31m\ufffdb␍"


async def test_a_character_that_comes_in_two_tokens_is_drawn_whole(running) -> None:
    async with running() as (pane, pilot):
        pane.start("e")
        await pilot.pause()
        pane.append(["\u0301", "👩", "\u200d"])
        await pilot.pause()
        pane.append(["🚀"])
        await pilot.pause()
        assert pilot.app.seen()[0] == "e\u0301👩\u200d🚀"
        assert [text for text, *_ in styled(pane)][:2] == ["e\u0301", "👩\u200d🚀"]


async def test_rewinding_keeps_the_first_tokens(running) -> None:
    async with running(height=3) as (pane, pilot):
        pane.start("P")
        pane.append(["a", "b\n", "c"] + ["\nd"] * 20)
        await pilot.pause()
        pane.rewind(3)
        await pilot.pause()
        assert (pane.text, pane.token_count) == ("ab\nc", 3)
        assert pilot.app.seen() == ["Pab", "c", ""]
        pane.rewind(9)
        assert pane.token_count == 3
        pane.rewind(0)
        await pilot.pause()
        assert pilot.app.seen() == ["P", "", ""]


async def test_the_cursor_stands_where_the_next_token_comes(running) -> None:
    async with running(width=8, height=3) as (pane, pilot):
        pane.cursor = True
        await pilot.pause()
        assert styled(pane)[0][:2] == (" ", {"reverse"})
        pane.append(["abc"])
        await pilot.pause()
        assert styled(pane)[1][:2] == (" ", {"reverse"})
        pane.append(["defg"])  # as wide as the pane
        await pilot.pause()
        assert [(text, names) for text, names, _ in styled(pane)][:2] == [("abcdef", set()), ("g", {"reverse"})]
        pane.cursor = False
        await pilot.pause()
        assert not any(names for _, names, _ in styled(pane))


@pytest.mark.parametrize("no_color", [False, True])
async def test_prompt_text_and_notes_differ_in_every_theme(
    running, monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    async with running() as (pane, pilot):
        pane.start("Prompt")
        pane.append([" text"])
        pane.annotate([Note(1, " note")])
        for theme in ("textual-dark", "textual-light", "ansi-dark", "ansi-light"):
            pilot.app.theme = theme
            await pilot.pause()
            strip = pane.render_lines(pane.outer_size.region)[0]
            looks = {text: str(style) for text, style, _ in strip if text.strip()}
            looks = {text: look.replace("not ", "") for text, look in looks.items()}
            assert list(looks) == ["Prompt", " text", " note"], theme
            assert len(set(looks.values())) == 3, (theme, looks)


async def test_a_change_of_theme_redraws_lines_that_were_drawn(running) -> None:
    async with running() as (pane, pilot):
        pane.append(["one\n", "two\n"])
        await pilot.pause()
        before = styled(pane)
        pilot.app.theme = "textual-light"
        await pilot.pause()
        assert styled(pane)[0][2] != before[0][2]


@pytest.mark.parametrize("size", [(2, 1), (3, 2), (20, 1), (300, 30)])
async def test_any_size_shows_any_text(running, size: tuple[int, int]) -> None:
    async with running(*size) as (pane, pilot):
        pane.start("")
        pane.cursor = True
        for token in HOSTILE:
            pane.append([token])
            await pilot.pause()
        assert pane.text == "".join(HOSTILE)
        await pilot.press("home", "end", "up")
        pane.rewind(4)
        pane.start("你")
        await pilot.pause()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tokens=st.lists(st.sampled_from(HOSTILE) | st.text(max_size=6), max_size=20), width=st.integers(2, 12))
async def test_every_row_is_as_wide_as_the_pane(running, tokens: list[str], width: int) -> None:
    async with running(width=width, height=6) as (pane, pilot):
        pane.append(tokens)
        pane.annotate([Note(index, " ▸note◂") for index in range(0, len(tokens), 3)])
        await pilot.pause()
        for y in range(pane.size.height):
            strip = pane.render_line(y)
            assert strip.cell_length == sum(segment.cell_length for segment in strip)
            assert strip.cell_length == pane.scrollable_content_region.width


async def test_text_before_the_pane_is_on_a_screen_shows_once_it_is(running) -> None:
    pane = OutputPane()
    pane.start("Once")
    pane.append([" upon a time"])
    async with running(width=10, height=3) as (other, pilot):
        await other.remove()
        await pilot.app.mount(pane, before=1)
        for _ in range(100):  # the frame in which it shows comes by the clock
            await pilot.pause(0.02)
            if "a time" in pilot.app.seen():
                break
        assert pilot.app.seen() == ["Once upon", "a time", ""]


async def test_a_frame_between_the_coming_and_the_showing_of_text_leaves_nothing_behind(running) -> None:
    async with running(width=10, height=4) as (pane, pilot):
        pane.append(["one"])
        await pilot.pause()
        pane.append([" "])
        assert pilot.app.seen()[0] == "one"  # a frame of its own
        pane.append(["two\nthree\nfour"])  # waits until the token before it is known to be drawn
        pilot.app.seen()
        await pilot.pause(0.1)
        assert pilot.app.seen() == ["one two", "three", "four", ""]


async def test_a_hidden_pane_shows_what_came_meanwhile(running) -> None:
    async with running(width=10, height=3) as (pane, pilot):
        pane.display = False
        await pilot.pause()
        pane.append(["one\n", "two"])
        await pilot.pause()
        pane.append(["\nthree", "\nfour"])
        pane.display = True
        await pilot.pause()
        assert pilot.app.seen() == ["two", "three", "four"]
