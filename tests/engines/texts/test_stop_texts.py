from hypothesis import given
from hypothesis import strategies as st

from steer_tui.engines.texts.stop_texts import StopTexts


def run(tokens: list[str], stops: tuple[str, ...]) -> tuple[list[tuple[str, int]], bool]:
    stop_texts = StopTexts[int](stops)
    out: list[tuple[str, int]] = []
    for index, token in enumerate(tokens):
        out += stop_texts.push(token, index)
        if stop_texts.stopped:
            break
    out += stop_texts.end()
    return out, stop_texts.stopped


def test_without_stop_texts_each_token_leaves_at_once() -> None:
    stop_texts = StopTexts[int](())
    assert stop_texts.push("a", 0) == [("a", 0)]
    assert stop_texts.push("", 1) == [("", 1)]
    assert stop_texts.end() == []


def test_tokens_that_may_begin_a_stop_text_are_held_and_released_one_by_one() -> None:
    stop_texts = StopTexts[int](("the end",))
    assert stop_texts.push("a", 0) == [("a", 0)]
    assert stop_texts.push(" the", 1) == []
    assert stop_texts.push(" e", 2) == []
    assert stop_texts.push("gg", 3) == [(" the", 1), (" e", 2), ("gg", 3)]


def test_a_token_without_text_waits_behind_those_that_are_held() -> None:
    stop_texts = StopTexts[int](("ab",))
    assert stop_texts.push("a", 0) == []
    assert stop_texts.push("", 1) == []
    assert stop_texts.push("c", 2) == [("a", 0), ("", 1), ("c", 2)]


def test_the_pieces_of_a_character_that_stops_go_with_it() -> None:
    assert run(["a", "", "", "é", "b"], ("é",)) == ([("a", 0)], True)


def test_a_stop_text_that_only_began_leaves_at_the_end() -> None:
    assert run(["a", "b"], ("bc",)) == ([("a", 0), ("b", 1)], False)


@given(
    st.lists(st.sampled_from(["a", "b", "ab", "ba", "c", ""]), max_size=20),
    st.lists(st.sampled_from(["a", "ab", "bab", "cc"]), max_size=2),
)
def test_the_text_is_what_stands_before_the_first_stop_text(tokens: list[str], stops: list[str]) -> None:
    out, stopped = run(tokens, tuple(stops))
    text, whole = "".join(text for text, _ in out), "".join(tokens)
    assert stopped == any(stop in whole for stop in stops)
    assert not any(stop in text for stop in stops)
    assert whole.startswith(text)
    assert stopped or text == whole
    assert [index for _, index in out] == list(range(len(out)))
