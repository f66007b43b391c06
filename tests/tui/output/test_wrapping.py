"""Text in lines: nothing lost, nothing too wide, no cluster split, however the text came."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len, get_character_cell_size

from steer_tui.domain.text import safe_text
from steer_tui.tui.widgets.output.cells import TAB, clusters, drawable, is_narrow, is_wide
from steer_tui.tui.widgets.output.wrap import SLACK, line_ends
from steer_tui.tui.widgets.output.wrapped import WrappedText

AWKWARD = [
    *"ab1 \t\n,é你好，。가",
    "  ",
    "\u0301",  # a combining accent
    "\u200b",  # a space without a width
    "\u200d",  # the joiner
    "\ufe0f",  # wide by a mark
    "\u1100",
    "\u1161",  # Korean in letters
    "👩",
    "🚀",
    "🏽",
    "❤",
    "🇫",
    "🇷",
    "\x1b[31m",
    "\u202e",
    "\ud800",
]
texts = st.lists(st.sampled_from(AWKWARD), max_size=30).map("".join) | st.text(max_size=40)
widths = st.integers(1, 9)


def lines_of(text: str, width: int) -> list[str]:
    return WrappedText(text, width).lines


def columns(line: str) -> list[tuple[str, int]]:
    """The clusters of a line and the column after each."""
    text = drawable(line.removesuffix("\n"))
    result: list[tuple[str, int]] = []
    column = start = 0
    for end, cells in clusters(text, 0, len(text)):
        column += TAB - column % TAB if text[start] == "\t" else cells
        result.append((text[start:end], column))
        start = end
    return result


@given(texts, widths)
def test_the_lines_joined_are_the_text(text: str, width: int) -> None:
    wrapped = WrappedText(text, width)
    assert str(wrapped) == "".join(wrapped.lines) == text
    assert len(wrapped) == len(text)
    assert [text[start : start + len(line)] for start, line in zip(wrapped.starts, wrapped.lines, strict=True)] == (
        wrapped.lines
    )


@given(texts, widths)
def test_no_line_is_wider_than_the_pane_but_for_hanging_spaces_and_a_cluster_that_is_wider_itself(
    text: str, width: int
) -> None:
    for line in lines_of(text, width):
        shown = columns(line)
        while shown and shown[-1][0] in " \t":
            shown.pop()
        if [cluster for cluster, _ in shown if cell_len(cluster)][1:]:
            assert shown[-1][1] <= width


@given(texts, widths)
def test_lines_end_at_newlines_and_nowhere_inside_a_cluster(text: str, width: int) -> None:
    shown = drawable(text)
    allowed = {0}
    for paragraph in shown.split("\n"):
        base = max(allowed)
        allowed |= {base + end for end, _ in clusters(paragraph, 0, len(paragraph))} | {base + len(paragraph) + 1}
    assert set(line_ends(shown, width)) <= allowed
    assert shown.count("\n") == sum(line.endswith("\n") for line in lines_of(text, width))


@settings(max_examples=50)
@given(st.lists(texts, max_size=8), widths)
def test_text_that_comes_in_any_pieces_wraps_as_the_whole_does(tokens: list[str], width: int) -> None:
    wrapped = WrappedText(width=width)
    for token in tokens:
        wrapped.append(token)
    whole = WrappedText("".join(tokens), width)
    assert (wrapped.lines, wrapped.starts) == (whole.lines, whole.starts)


@given(texts, widths, widths, st.integers(0, 40))
def test_text_cut_short_or_wrapped_again_is_as_if_it_had_come_so(text: str, before: int, width: int, keep: int) -> None:
    wrapped = WrappedText(text, before)
    wrapped.rewrap(width)
    assert wrapped.lines == lines_of(text, width)
    wrapped.truncate(min(keep, len(text)))
    assert wrapped.lines == lines_of(text[:keep], width)


@given(texts)
def test_clusters_measure_what_rich_measures(text: str) -> None:
    shown = drawable(text.replace("\n", "").replace("\t", ""))
    assert sum(cells for _, cells in clusters(shown, 0, len(shown))) == cell_len(shown)


@given(texts)
def test_drawing_keeps_the_length_and_alters_only_joiners_beyond_what_is_safe(text: str) -> None:
    shown = drawable(text)
    assert len(shown) == len(text)
    assert all(
        drawn == safe or (safe, drawn) == ("\u200d", "\u200c")
        for drawn, safe in zip(shown, safe_text(text), strict=True)
    )


def test_the_quick_ways_know_the_widths_they_claim() -> None:
    assigned = [*range(0x40000), *range(0xE0000, 0xE1000)]
    for character in map(chr, [*assigned, *range(0x40000, 0x110000, 251)]):
        if is_narrow(character):
            assert get_character_cell_size(character) == 1 and safe_text(character) == character
        if is_wide(character, 0, 1):
            assert get_character_cell_size(character) == 2


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 5, [""]),
        ("\n", 5, ["\n", ""]),
        ("one two", 7, ["one two"]),
        ("one two", 6, ["one ", "two"]),
        ("one   two", 3, ["one   ", "two"]),
        ("a internationalism", 6, ["a ", "intern", "ationa", "lism"]),
        ("ab你好吗", 5, ["ab你", "好吗"]),
        ("ab 你", 4, ["ab ", "你"]),
        ("e\u0301e\u0301e\u0301", 2, ["e\u0301e\u0301", "e\u0301"]),
        ("👩\u200d🚀👩\u200d🚀", 3, ["👩\u200d🚀", "👩\u200d🚀"]),
        ("a❤\ufe0f", 2, ["a", "❤\ufe0f"]),
        ("🇫🇷🇫🇷", 3, ["🇫🇷", "🇫🇷"]),
        ("👍🏽👍🏽", 2, ["👍🏽", "👍🏽"]),
        ("a\tb\tc", 5, ["a\tb\t", "c"]),
        ("你", 1, ["你"]),
        ("你 a", 1, ["你 ", "a"]),
    ],
)
def test_a_line_breaks_where_a_reader_would_break_it(text: str, width: int, lines: list[str]) -> None:
    assert lines_of(text, width) == lines


@pytest.mark.parametrize("endless", [" ", "\u200b", "\u0301", "a\u0301"])
def test_a_line_holds_a_bounded_number_of_characters(endless: str) -> None:
    wrapped = WrappedText(width=10)
    for _ in range(60):
        wrapped.append(endless * 100)
    assert max(map(len, wrapped.lines)) <= 10 + SLACK
    assert wrapped.lines == lines_of(endless * 6_000, 10)
