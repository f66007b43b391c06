"""Tokens that a server tells of a text, put side by side so that they are the text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer_tui.engines.texts.alignment import aligned


@pytest.mark.parametrize(
    ("tokens", "text", "pieces"),
    [
        (["the", " sea"], "the sea", ("the", " sea")),
        (["a", "\ufffd", "\ufffd", " b"], "a海 b", ("a", "", "海", " b")),
        (["\ufffd", "\ufffd"], "海", ("", "海")),
        (["\u2581the", "\u2581sea"], "the sea", ("the", " sea")),
        (["\u2581a", "\u2581"], "\u2581a\u2581", ("\u2581a", "\u2581")),
        (["a", "\ufffd"], "a\ufffd", ("a", "\ufffd")),
        (["x"], "y", ("y",)),
        ([], "y", ()),
    ],
)
def test_tokens_stand_side_by_side_as_the_text(tokens: list[str], text: str, pieces: tuple[str, ...]) -> None:
    assert aligned(tokens, text) == pieces


@settings(deadline=None)
@given(st.lists(st.text("ab \ufffd\u2581海", max_size=3), min_size=1, max_size=8), st.text("ab 海\ufffd", max_size=12))
def test_whatever_the_tokens_their_pieces_are_the_text(tokens: list[str], text: str) -> None:
    pieces = aligned(tokens, text)
    assert "".join(pieces) == text
    assert len(pieces) == len(tokens)
