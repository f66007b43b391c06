"""JSON objects, one a line."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire.cutting import cuts

from steer_tui.domain import Malformed, SteerError, Truncated
from steer_tui.wire import JsonObject, NdjsonParser


def read(pieces: list[bytes], line_bytes: int = 1000) -> tuple[list[JsonObject], type[SteerError] | None]:
    parser = NdjsonParser(line_bytes)
    objects: list[JsonObject] = []
    try:
        for piece in pieces:
            objects.extend(parser.feed(piece))
        objects.extend(parser.finish())
    except SteerError as error:
        return objects, type(error)
    return objects, None


@pytest.mark.parametrize(
    ("stream", "objects"),
    [
        (b'{"type":"start"}\n{"n":1}\n', [{"type": "start"}, {"n": 1}]),
        (b'{"n":1}\r\n\r\n\n  \n{"n":2}\r\n', [{"n": 1}, {"n": 2}]),
        (b'\xef\xbb\xbf{"n":1}\n', [{"n": 1}]),
        (b'{"n":1}', [{"n": 1}]),
        ('{"s":"a\u2028海"}\n'.encode(), [{"s": "a\u2028海"}]),
        (b'{"s":"\xff"}\n', [{"s": "\ufffd"}]),
        (b'{"s":"\\ud83d"}\n', [{"s": "\ud83d"}]),
        (b"", []),
    ],
)
def test_a_line_is_an_object(stream: bytes, objects: list[JsonObject]) -> None:
    assert read([stream]) == (objects, None)


@pytest.mark.parametrize("line", [b"nonsense", b"[1]", b"1", b"null", b"[" * 900, b"1" * 900, b"<html>", b"\0{}"])
def test_a_line_that_is_no_object_is_malformed_after_those_before_it(line: bytes) -> None:
    assert read([b'{"n":1}\n' + line + b'\n{"n":2}\n']) == ([{"n": 1}], Malformed)


def test_nesting_without_an_end_is_malformed() -> None:
    assert read([b"[" * 100_000 + b"\n"], 10**6) == ([], Malformed)


def test_a_last_line_that_is_cut_is_truncated() -> None:
    assert read([b'{"n":1}\n{"type":"do']) == ([{"n": 1}], Truncated)


@pytest.mark.parametrize("endless", [b"x", b'{"n": "'])
def test_a_line_without_an_end_is_given_up(endless: bytes) -> None:
    assert read([endless] * 10_000) == ([], Malformed)


OBJECTS = st.lists(st.dictionaries(st.text(max_size=3), st.one_of(st.text(), st.integers(), st.none()), max_size=3))
STREAMS = st.one_of(
    OBJECTS.map(lambda objects: "".join(json.dumps(one, ensure_ascii=False) + "\r\n" for one in objects)),
    st.text('{}":,1a\n\r 海', max_size=30),
).map(lambda text: text.encode(errors="replace"))


@settings(deadline=None)
@given(cuts(st.one_of(STREAMS, st.binary(max_size=30))))
def test_any_cuts_give_the_same_objects(cut: tuple[bytes, list[bytes]]) -> None:
    stream, pieces = cut
    assert read(pieces) == read([stream])
