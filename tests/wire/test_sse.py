"""The parser of server-sent events, held to the WHATWG standard."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wire.cutting import cuts

from steer_tui.domain import Malformed
from steer_tui.wire import ServerSentEvent, SseParser


def events_of(stream: bytes) -> list[ServerSentEvent]:
    return list(SseParser().feed(stream))


def data_of(stream: bytes) -> list[str]:
    return [event.data for event in events_of(stream)]


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (b"data: a\n\n", ["a"]),
        (b"data:a\n\n", ["a"]),
        (b"data:  a \n\n", [" a "]),
        (b"data:\ta\n\n", ["\ta"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data: a\ndata\ndata:\n\n", ["a\n\n"]),
        (b"data: a: b:c\n\n", ["a: b:c"]),
        (b"data\n\n", [""]),
        (b"data\n\ndata\ndata\n\ndata:", ["", "\n"]),
        (b"data:test\n\ndata: test\n\n", ["test", "test"]),
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", ["YHOO\n+2\n10"]),
        (b"\n\n\ndata: a\n\n\n\n", ["a"]),
    ],
)
def test_data(stream: bytes, data: list[str]) -> None:
    assert data_of(stream) == data


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"], ids=["LF", "CR", "CRLF"])
def test_each_kind_of_line_end(end: bytes) -> None:
    stream = end.join([b"event: token", b"data: a", b"data: b", b"", b": alive", b"", b"data: c", b"", b""])
    assert events_of(stream) == [ServerSentEvent("token", "a\nb"), ServerSentEvent("message", "c")]


def test_kinds_of_line_end_may_be_mixed() -> None:
    assert data_of(b"data: a\r\n\rdata: b\n\r\ndata: c\r\r") == ["a", "b", "c"]


def test_a_line_ends_at_nothing_else() -> None:
    text = "a\u2028b\u2029c\x0bd\x0ce\x85f\x1cg"
    assert data_of(f"data: {text}\n\n".encode()) == [text]


def test_an_event_is_given_at_the_first_half_of_a_crlf() -> None:
    parser = SseParser()
    assert [event.data for event in parser.feed(b"data: a\r\n\r")] == ["a"]
    assert list(parser.feed(b"\n")) == []
    assert [event.data for event in parser.feed(b"data: b\r\n\r\n")] == ["b"]


@pytest.mark.parametrize(
    ("stream", "event"),
    [
        (b"data: a\n\n", "message"),
        (b"event: token\ndata: a\n\n", "token"),
        (b"data: a\nevent: token\n\n", "token"),
        (b"event: one\nevent: two\ndata: a\n\n", "two"),
        (b"event: one\nevent:\ndata: a\n\n", "message"),
        (b"event: lost\n\ndata: a\n\n", "message"),
        (b"event:  token\ndata: a\n\n", " token"),
    ],
)
def test_the_type_of_an_event(stream: bytes, event: str) -> None:
    assert [one.event for one in events_of(stream)] == [event]


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"\n\n",
        b": comment\n\n",
        b":\n\n",
        b"event: token\n\n",
        b"id: 1\n\n",
        b"retry: 10\n\n",
        b"data: a",
        b"data: a\n",
        b"data: a\r\n",
        b"Data: a\n\n",
        b" data: a\n\n",
        b"data : a\n\n",
        b"justatext\n\n",
        b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n",
        b"\n\xef\xbb\xbfdata: a\n\n",
    ],
)
def test_what_gives_no_event(stream: bytes) -> None:
    assert events_of(stream) == []


def test_keep_alives_between_events_say_nothing() -> None:
    stream = b": ok\n\nid: 7\ndata: a\n\n: alive\n\n:\n\ndata: b\n:\ndata: c\n\n"
    assert events_of(stream) == [ServerSentEvent("message", "a", "7"), ServerSentEvent("message", "b\nc", "7")]


def test_a_byte_order_mark_at_the_beginning_is_passed_over() -> None:
    assert data_of(b"\xef\xbb\xbfdata: a\n\n") == ["a"]
    assert data_of(b"data: \xef\xbb\xbfa\n\n") == ["\ufeffa"]


def test_an_id_holds_until_the_next_one() -> None:
    stream = b"id: 1\ndata: a\n\ndata: b\n\nid: x\0y\ndata: c\n\nid\ndata: d\n\n"
    assert [event.id for event in events_of(stream)] == ["1", "1", "1", ""]


def test_an_id_counts_once_its_event_has_ended() -> None:
    parser = SseParser()
    assert [event.id for event in parser.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n")] == ["1"]
    assert parser.last_event_id == "1"
    assert [event.id for event in parser.feed(b"\nid: 3\n\n")] == ["2"]
    assert parser.last_event_id == "3"


@pytest.mark.parametrize(
    ("line", "retry"),
    [
        (b"retry: 1500", 1500),
        (b"retry:0", 0),
        (b"retry: 1500 ", None),
        (b"retry: -1", None),
        (b"retry: +1", None),
        (b"retry: 1.5", None),
        (b"retry: 1_0", None),
        (b"retry:", None),
        ("retry: ١".encode(), None),
        (b"retry: " + b"9" * 5000, None),
    ],
)
def test_the_time_to_connect_again_is_digits_alone(line: bytes, retry: int | None) -> None:
    parser = SseParser()
    events = list(parser.feed(line + b"\ndata: a\n\ndata: b\n\n"))
    assert [event.retry for event in events] == [retry, retry]
    assert parser.retry == retry


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xff", "\ufffd"),
        (b"\xe6\xb5", "\ufffd"),
        (b"\xe6\xb5 \xe6\xb5\xb7", "\ufffd 海"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        (b"\xf0\x9f\x8c", "\ufffd"),
        (b"\x00", "\x00"),
    ],
)
def test_what_is_no_utf_8_becomes_replacement_characters(data: bytes, text: str) -> None:
    assert data_of(b"data: " + data + b"\n\ndata: ok\n\n") == [text, "ok"]


def test_a_character_may_come_in_pieces() -> None:
    parser = SseParser()
    stream = "data: 海🌊\n\n".encode()
    given_events = [event for byte in stream for event in parser.feed(bytes([byte]))]
    assert [event.data for event in given_events] == ["海🌊"]


def as_the_standard_reads(stream: bytes) -> list[ServerSentEvent]:
    """The standard's own steps, on a stream that is there as a whole."""
    text = stream.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    data, event, id_buffer, last_id, retry = "", "", "", "", None
    events = []
    for line in re.split("\r\n|\r|\n", text)[:-1]:
        if line == "":
            last_id = id_buffer
            if data != "":
                events.append(ServerSentEvent(event or "message", data.removesuffix("\n"), last_id, retry))
            data, event = "", ""
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data += value + "\n"
            elif name == "event":
                event = value
            elif name == "id" and "\0" not in value:
                id_buffer = value
            elif name == "retry" and re.fullmatch("[0-9]+", value):
                retry = int(value)
    return events


PIECES = [
    b"data",
    b"event",
    b"id",
    b"retry",
    b":",
    b": ",
    b" ",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\n\r\n",
    b"a",
    b"7",
]
PIECES += [
    "海".encode(),
    "🌊".encode(),
    "\u2028".encode(),
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xe6\xb5",
    b"\xed\xa0\x80",
    b"\0",
]
STREAMS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join), st.binary(max_size=60))


@settings(deadline=None)
@given(cuts(STREAMS))
@example((b"\xef\xbb\xbfdata: a\r\n\r\n", [b"\xef", b"\xbb", b"\xbfdata: a\r", b"", b"\n\r", b"\n"]))
def test_any_cuts_give_the_events_of_the_standard(cut: tuple[bytes, list[bytes]]) -> None:
    stream, pieces = cut
    parser = SseParser()
    assert [event for piece in pieces for event in parser.feed(piece)] == as_the_standard_reads(stream)


def read_until_too_large(pieces: list[bytes], event_bytes: int) -> tuple[list[ServerSentEvent], bool]:
    parser = SseParser(event_bytes)
    events: list[ServerSentEvent] = []
    try:
        for piece in pieces:
            events.extend(parser.feed(piece))
    except Malformed:
        return events, True
    return events, False


@settings(deadline=None)
@given(cuts(STREAMS), st.integers(0, 20))
def test_the_bound_falls_at_the_same_place_however_the_stream_is_cut(
    cut: tuple[bytes, list[bytes]], event_bytes: int
) -> None:
    stream, pieces = cut
    assert read_until_too_large(pieces, event_bytes) == read_until_too_large([stream], event_bytes)


def test_a_frame_of_ten_megabytes_is_read() -> None:
    text = "x" * 10_000_000
    stream = f"data: {text}\n\n".encode()
    parser = SseParser()
    pieces = (stream[start : start + 65536] for start in range(0, len(stream), 65536))
    assert [event.data for piece in pieces for event in parser.feed(piece)] == [text]


@pytest.mark.parametrize("endless", [b"data: x\n", b"x" * 64, b": x", b"event: x", b"\xf0\x9f"])
def test_an_event_without_an_end_is_given_up(endless: bytes) -> None:
    parser = SseParser(event_bytes=1000)
    with pytest.raises(Malformed, match="more than 1,000 bytes"):
        for _ in range(10_000):
            list(parser.feed(endless))


def test_events_before_one_that_is_too_large_are_given() -> None:
    events, too_large = read_until_too_large([b"data: a\n\ndata: " + b"x" * 100 + b"\n\ndata: b\n\n"], 50)
    assert ([event.data for event in events], too_large) == (["a"], True)


def test_many_events_together_may_be_larger_than_the_bound() -> None:
    assert len(list(SseParser(event_bytes=20).feed(b"data: 0123456789\n\n" * 100))) == 100
