from pathlib import Path

import pytest
from engines.builtin.tiny import MERGES, PATTERN, SAMPLE, merges_of, slow_encode
from hypothesis import given
from hypothesis import strategies as st

from steer_tui.engines.builtin.tokenizer import TextDecoder, Tokenizer

LEARNED = merges_of(SAMPLE, MERGES)
TOKENIZER = Tokenizer(PATTERN, [(left, right) for left, right in LEARNED])

words = st.lists(st.sampled_from(["the", " snow", " sea", "日本", "😀", "\n\n", " ", "é", "ee", "7", "..."])).map(
    "".join
)


@given(st.text() | words)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@given(st.text() | words)
def test_ids_are_those_of_merging_in_order(text: str) -> None:
    assert TOKENIZER.encode(text) == slow_encode(text, LEARNED)


@given(st.text() | words)
def test_tokens_fed_one_by_one_give_the_text_and_no_broken_character(text: str) -> None:
    decoder = TextDecoder()
    pieces = [decoder.feed(TOKENIZER.token_bytes[token]) for token in TOKENIZER.encode(text)]
    assert "".join(pieces) == text
    assert not decoder.pending
    assert decoder.flush() == ""


def test_a_character_split_over_tokens_comes_out_whole_with_its_last() -> None:
    decoder = TextDecoder()
    assert [decoder.feed(bytes([byte])) for byte in "é🦭".encode()] == ["", "é", "", "", "", "🦭"]


def test_an_unfinished_character_is_flushed_as_a_replacement() -> None:
    decoder = TextDecoder()
    assert decoder.feed("🦭".encode()[:3]) == ""
    assert decoder.pending
    assert decoder.flush() == "\ufffd"


def test_bytes_that_make_no_character_do_not_swallow_what_follows() -> None:
    decoder = TextDecoder()
    assert decoder.feed(b"\xf0\x9f") + decoder.feed(b"ok") == "\ufffdok"


@pytest.mark.parametrize("text", ["\ud83d", "a\udfffb", "\ud83d\ude00"])
def test_lone_surrogates_are_replaced_and_pairs_are_read(text: str) -> None:
    expected = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == expected


def test_a_typed_end_of_text_is_plain_text() -> None:
    ids = TOKENIZER.encode("a<|endoftext|>b")
    assert TOKENIZER.end_of_text not in ids
    assert TOKENIZER.decode(ids) == "a<|endoftext|>b"


@pytest.mark.parametrize("piece", ["snow", "e", "😀", " ", ".", "9"])
def test_ten_thousand_characters_without_a_break_encode_as_the_slow_way_does(piece: str) -> None:
    text = (piece * 10_000)[:10_000]
    ids = TOKENIZER.encode(text)
    assert TOKENIZER.decode(ids) == text
    assert ids == slow_encode(text, LEARNED)


def test_a_pattern_that_leaves_characters_out_loses_none() -> None:
    assert (letters := Tokenizer("[a-z]+", [])).decode(letters.encode("a B\n1 c")) == "a B\n1 c"


def test_encoding_again_gives_the_same_ids(weights: Path) -> None:
    text = "The snow fell on the sea. " * 40
    assert TOKENIZER.encode(text) == TOKENIZER.encode(text)
