"""Text from outside, made safe to draw: nothing in it can move the cursor, turn the line around or hide."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer_tui.domain import safe_line, safe_text

BIDI = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\u061c\u200e\u200f"
HOSTILE = st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"])
MIXED = st.text(st.one_of(st.characters(), HOSTILE, st.sampled_from("\t\n\x1b[]\u202e\u2066\ud800")))


@given(MIXED)
def test_nothing_is_left_that_a_terminal_obeys(text: str) -> None:
    for char in safe_text(text):
        assert char in "\t\n" or unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}
        assert unicodedata.bidirectional(char) not in BIDI
        assert char not in MARKS


@given(MIXED)
def test_offsets_into_the_original_still_hold(text: str) -> None:
    safe = safe_text(text)
    assert len(safe) == len(text)
    assert len(safe_line(text)) == len(text)
    assert safe.count("\n") == text.count("\n")
    assert safe.count("\t") == text.count("\t")


@given(MIXED)
def test_safe_text_is_safe_already(text: str) -> None:
    assert safe_text(safe_text(text)) == safe_text(text)
    assert safe_line(safe_text(text)) == safe_line(text)


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"])))
def test_what_can_be_seen_is_left_alone(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "".join(map(chr, range(0x20, 0x7F))),
        "two\nlines and\ta tab",
        "海と冬、한국어",
        "e\u0301 n\u0303 ก็",
        "👩‍👩‍👧 🏴‍☠️ 👍🏽 🇳🇴 ❤️",
        "שלום مرحبا",
        "[bold]not markup[/bold]",
    ],
)
def test_ordinary_text_of_any_script_is_left_alone(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.parametrize(
    ("hostile", "drawn"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("a\rb", "a␍b"),
        ("\x00\x08\x7f", "␀␈␡"),
        ("\x9b31m\x85", "�31m�"),
        ("\u202eevil\u202c", "�evil�"),
        ("\u2066\u2069\u200f\ufeff", "����"),
        ("\U000e0041", "�"),
        ("\ud83d", "�"),
        ("a\u2028b", "a�b"),
    ],
)
def test_what_could_do_harm_becomes_a_symbol_that_can_be_seen(hostile: str, drawn: str) -> None:
    assert safe_text(hostile) == drawn


def test_a_line_stays_a_line() -> None:
    assert safe_line("two\nlines\tand \x1b") == "two␊lines␉and ␛"


@given(MIXED)
def test_a_line_holds_no_line_break(text: str) -> None:
    assert len(safe_line(text).splitlines()) <= 1
