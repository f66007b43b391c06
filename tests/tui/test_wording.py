"""Labels, errors and values in words."""

import pytest

from steer_tui.domain import Rejected
from steer_tui.tui.wording import error_words, shortened, value_words


@pytest.mark.parametrize(
    ("label", "cells", "words"),
    [
        ("winter", 6, "winter"),
        ("winter", 5, "wint…"),
        ("the sea", 5, "the…"),
        ("深い雪", 6, "深い雪"),
        ("深い雪", 5, "深い…"),
        ("深い雪", 4, "深…"),
        ("a\x1b[31m", 4, "a␛[…"),
        ("winter", 1, "…"),
        ("", 3, ""),
    ],
)
def test_a_label_that_is_too_long_ends_in_an_ellipsis(label: str, cells: int, words: str) -> None:
    assert shortened(label, cells) == words


def test_a_value_has_its_sign_and_0_has_none() -> None:
    assert [value_words(value) for value in (-10.0, -0.5, 0.0, -0.0, 4.0)] == ["-10", "-0.5", "0", "0", "+4"]


def test_an_error_is_its_two_sentences_safe_to_draw() -> None:
    assert error_words(Rejected("\x1bNo.", hint="Ask\notherwise.")) == "␛No. Ask␊otherwise."
