"""The frames of a stream, however the bytes are cut, give the same events; whatever comes, the text is the last one."""

from engines.neuronpedia.serving import DEFAULT, FRAMES, STEERED, answer, asking, frame, text_of
from hypothesis import given, settings
from hypothesis import strategies as st
from wire.cutting import cuts

from steer_tui.domain import DoneEvent, Event, Lane, safe_line
from steer_tui.engines.neuronpedia.reader import AnswerReader
from steer_tui.engines.neuronpedia.steering import steering
from steer_tui.wire import SseParser

TEXTS = st.text("ab \n<é日", max_size=12)


def _reader(*stop: str) -> AnswerReader:
    return AnswerReader(steering(asking(stop=stop), "gemma-2-2b"), safe_line)


def _read(pieces: list[bytes]) -> list[Event]:
    parser, reader = SseParser(), _reader()
    frames = [frame.data for piece in pieces for frame in parser.feed(piece)]
    return [event for data in frames for event in reader.take(reader.read(data))]


@settings(deadline=None, max_examples=40)
@given(cuts(st.just(b"".join(FRAMES))))
def test_a_stream_cut_anywhere_gives_the_same_events(cut: tuple[bytes, list[bytes]]) -> None:
    stream, pieces = cut
    events = _read(pieces)
    assert events == _read([stream])
    assert (text_of(events, Lane.STEERED), text_of(events, Lane.DEFAULT)) == (STEERED, DEFAULT)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
def test_whatever_is_rewritten_the_tokens_are_the_last_text(texts: list[tuple[str, str]]) -> None:
    frames = [frame(steered, default) for steered, default in texts]
    events = _read([*frames, frame(*texts[-1], "abc123")])
    assert (text_of(events, Lane.STEERED), text_of(events, Lane.DEFAULT)) == texts[-1]
    assert [event.lane for event in events if isinstance(event, DoneEvent)] == [Lane.STEERED, Lane.DEFAULT]


@settings(deadline=None, max_examples=40)
@given(st.text("ab", min_size=1, max_size=30), st.text("ab", min_size=1, max_size=3), st.data())
def test_a_stop_text_ends_at_its_first_place_however_the_text_grows(text: str, stop: str, data: st.DataObject) -> None:
    reader = _reader(stop)
    ends = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=10)))
    events: list[Event] = []
    for end in [*ends, len(text)]:
        events += reader.take(reader.of_json(answer(text[:end], None)))
    events += reader.take(reader.of_json(answer(text, "", "abc123")))
    shown = text_of(events, Lane.STEERED)
    assert shown == text[: text.find(stop)] if stop in text else shown == text


@settings(deadline=None, max_examples=40)
@given(TEXTS, TEXTS)
def test_an_answer_in_one_piece_gives_the_same_texts(steered: str, default: str) -> None:
    reader = _reader()
    events = [event for some in reader.take_whole(reader.of_json(answer(steered, default))) for event in some]
    assert (text_of(events, Lane.STEERED), text_of(events, Lane.DEFAULT)) == (steered, default)
