"""A text that grows, and is rewritten, shows as tokens that are the text up to a stop text."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer_tui.domain import DoneEvent, FinishReason, Lane, RewindEvent, TokenEvent
from steer_tui.engines.texts.growing import GrowingText
from steer_tui.engines.texts.markers import end_marker


def _whole(added: str) -> Iterable[str]:
    return (added,)


@settings(deadline=None)
@given(
    st.lists(st.text("ab\n", max_size=8), max_size=8),
    st.sampled_from([(), ("ab",), ("\n\n", "b\n")]),
    st.sampled_from([_whole, list]),
)
def test_however_a_text_grows_its_tokens_are_the_last_one_up_to_a_stop(
    texts: list[str], stops: tuple[str, ...], cut: Callable[[str], Iterable[str]]
) -> None:
    growing, shown, last = GrowingText(Lane.STEERED, stops, cut), list[str](), ""
    for text, take in [*((text, growing.take) for text in texts), (None, growing.show)]:
        if growing.is_done:
            break
        last = last if text is None else text
        for event in take(last):
            if isinstance(event, RewindEvent):
                assert event.keep < len(shown)
                del shown[event.keep :]
            elif isinstance(event, TokenEvent):
                assert (event.index, event.token != "") == (len(shown), True)
                shown.append(event.token)
            else:
                assert event == DoneEvent(Lane.STEERED, FinishReason.STOP_SEQUENCE)
        assert growing.count == len(shown)
        assert not any(stop in "".join(shown) for stop in stops) or not growing.is_done
    ends = [at for stop in stops if (at := last.find(stop)) >= 0]
    assert "".join(shown) == last[: min(ends)] if ends else "".join(shown) == last


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        ("", ""),
        ("the sea", ""),
        ("the sea<eos>", "<eos>"),
        ("<|endoftext|>", "<|endoftext|>"),
        ("a<eos><|eot_id|>", "<|eot_id|>"),
        ("end<｜end▁of▁sentence｜>", "<｜end▁of▁sentence｜>"),
        ("<eos> and on", ""),
        ("a <b>", ""),
        ("x <| y |> z", ""),
    ],
)
def test_what_ends_a_text_is_known_by_its_look(text: str, marker: str) -> None:
    assert end_marker(text) == marker
