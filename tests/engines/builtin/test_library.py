"""Our encoder beside the library that trained it, on the vocabulary that the package carries."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tokenizers")

from tokenizers import Tokenizer as Library

from steer_tui.engines.builtin.catalogue import read_card, read_tokenizer
from steer_tui.engines.builtin.engine import WEIGHTS
from steer_tui.engines.builtin.train.bpe import library_tokenizer, read_merges

pytestmark = pytest.mark.train

OURS = read_tokenizer(WEIGHTS, read_card(WEIGHTS))
PROMPTS = {
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 😀😀 5️⃣ 🇯🇵",
    "japanese": "昔々、あるところに、おじいさんとおばあさんが住んでいました。「」　ｶﾀｶﾅ",
    "code": 'def f(x: int) -> str:\n\treturn f"{x!r:>10}"  # não\r\n\r\n\tfor (;;) { a[i++] ^= ~b; }\n',
    "control": "".join(map(chr, range(0x20))) + '\x7f\x80\x85\x9b \x1c \x1d" \x1e\n\n\x1f!\n',
    "spaces": " \u00a0 \u1680\u2000\u200a\u200b \u2028\u2029\u202f\u205f\u3000\ufeff x",
    "odd": "e\u0301 \u202e\u2066 \U000e0041 \ufffd\uffff\U0010ffff \u0600",
    "end of text": "<|endoftext|><end>",
    "long word": "a" * 10_000,
    "long text": 'She said, "Hello!" and 42 dogs ran... ' * 270,
    "long emoji": "🦭" * 10_000,
    "empty": "",
}


@pytest.fixture(scope="module")
def library() -> Library:
    return library_tokenizer(read_merges(WEIGHTS / "tokenizer.json"))


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_our_ids_are_those_of_the_library(library: Library, prompt: str) -> None:
    assert OURS.encode(prompt) == library.encode(prompt).ids
    assert OURS.decode(OURS.encode(prompt)) == prompt


pieces = st.sampled_from(
    [" the", ' "', '."', "\n\n", "  ", "\t", "\x1c", "\x1f", "\x85", "\u3000", "日本", "😀", "'s", "42"]
)


@settings(max_examples=150, deadline=None)
@given(text=st.text() | st.lists(pieces | st.characters(exclude_categories=["Cs"])).map("".join))
def test_any_text_has_the_ids_of_the_library(library: Library, text: str) -> None:
    assert OURS.encode(text) == library.encode(text).ids
