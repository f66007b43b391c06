from hypothesis import given
from hypothesis import strategies as st

from steer_tui.engines.builtin.emission import Emission


def run(tokens: list[bytes], stops: tuple[str, ...]) -> tuple[list[tuple[str, int]], bool]:
    emission = Emission[int](stops)
    out: list[tuple[str, int]] = []
    for index, token in enumerate(tokens):
        out += emission.push(token, index)
        if emission.stopped:
            break
    out += emission.end()
    return out, emission.stopped


def test_without_stop_texts_each_token_leaves_at_once() -> None:
    emission = Emission[int](())
    assert emission.push(b"a", 0) == [("a", 0)]
    assert emission.push(b"b", 1) == [("b", 1)]
    assert emission.end() == []


def test_tokens_that_may_begin_a_stop_text_are_held_and_released_one_by_one() -> None:
    emission = Emission[int](("the end",))
    assert emission.push(b"a", 0) == [("a", 0)]
    assert emission.push(b" the", 1) == []
    assert emission.push(b" e", 2) == []
    assert emission.push(b"gg", 3) == [(" the", 1), (" e", 2), ("gg", 3)]


def test_a_stop_text_within_one_token_cuts_it() -> None:
    assert run([b"one", b" two. three"], (".",)) == ([("one", 0), (" two", 1)], True)


def test_a_stop_text_over_several_tokens_leaves_nothing_of_itself() -> None:
    assert run([b"go", b" on\n", b"\n", b"\nmore"], ("\n\n",)) == ([("go", 0), (" on", 1)], True)


def test_a_stop_text_at_the_first_token_leaves_nothing() -> None:
    assert run([b"\n", b"a"], ("\n",)) == ([], True)


def test_the_earliest_of_several_stop_texts_counts() -> None:
    assert run([b"a b c d"], ("d", "b")) == ([("a ", 0)], True)


def test_what_is_held_at_the_end_leaves() -> None:
    assert run([b"a", b"b"], ("bc",)) == ([("a", 0), ("b", 1)], False)


def test_a_split_character_leaves_with_its_tokens_in_order() -> None:
    emission = Emission[int](())
    assert [emission.push(bytes([byte]), at) for at, byte in enumerate("é".encode())] == [[], [("", 0), ("é", 1)]]


def test_a_stop_text_made_of_a_split_character_is_found() -> None:
    assert run([b"a", *(bytes([byte]) for byte in "🦭".encode())], ("🦭",)) == ([("a", 0)], True)


def test_an_unfinished_character_at_the_end_becomes_a_replacement_on_the_last_token() -> None:
    assert run([b"a", b"\xf0\x9f"], ()) == ([("a", 0), ("\ufffd", 1)], False)


alphabet = st.sampled_from([b"a", b"b", b"ab", b"ba", b"c", b"\xc3", b"\xa9", b"\xf0\x9f", "é".encode()])


@given(st.lists(alphabet, max_size=20), st.lists(st.sampled_from(["a", "ab", "bab", "cc", "é", "aéb"]), max_size=2))
def test_the_text_is_what_stands_before_the_first_stop_text(tokens: list[bytes], stops: list[str]) -> None:
    out, stopped = run(tokens, tuple(stops))
    text = "".join(text for text, _ in out)
    whole = b"".join(tokens).decode("utf-8", "replace")
    assert stopped == any(stop in whole for stop in stops)
    assert not any(stop in text for stop in stops)
    assert whole.startswith(text)
    assert stopped or text == whole
    assert [index for _, index in out] == list(range(len(out)))
