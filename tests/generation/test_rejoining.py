"""A text that is asked for again after a loss goes on behind what is shown of it, or says where it differs."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from itertools import pairwise
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_engine import done, token

from steer_tui.domain import (
    BOTH_LANES,
    ActivationEvent,
    DoneEvent,
    Event,
    FeatureActivation,
    GenerationRequest,
    Lane,
    RewindEvent,
    TokenEvent,
    Unreachable,
)
from steer_tui.generation import Pause, deliver

STEERED, DEFAULT = BOTH_LANES

Attempt = Sequence[Event]


def tokens(*texts: str, start: int = 0) -> list[Event]:
    return [TokenEvent(text, index, STEERED) for index, text in enumerate(texts, start)]


def active(index: int, value: float = 1.0, lane: Lane = STEERED) -> ActivationEvent:
    return ActivationEvent(index, lane, (FeatureActivation("sea", "sea", value),))


class Losing:
    """Plays one attempt after the other for the lanes that are asked for; each but the last ends in a loss."""

    def __init__(self, attempts: Iterable[Attempt], shelf: "Shelf") -> None:
        self._attempts, self._shelf = list(attempts), shelf

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Event, None]:
        for event in self._attempts.pop(0):
            if event.lane in request.lanes:
                yield event
                self._shelf.note_texts()
        raise Unreachable("Gone.")


class Shelf:
    """Takes events as strictly as the state does, and keeps account of what a reader saw."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.tokens: dict[Lane, list[str]] = {lane: [] for lane in Lane}
        self.activations: dict[Lane, dict[int, float]] = {lane: {} for lane in Lane}
        self.differed: list[Lane] = []
        self.seen: dict[Lane, list[str]] = {lane: [] for lane in Lane}
        """The text after each event of the engine's."""

    def take(self, event: Event) -> None:
        self.events.append(event)
        if event.lane is None:
            return
        shown, activations = self.tokens[event.lane], self.activations[event.lane]
        match event:
            case TokenEvent(text, index):
                assert index == len(shown)
                shown.append(text)
            case ActivationEvent(index, _, features):
                assert 0 <= index < len(shown)
                assert index not in activations, "activations came twice"
                activations[index] = features[0].activation
            case RewindEvent(_, keep):
                assert 0 <= keep <= len(shown)
                del shown[keep:]
                self.activations[event.lane] = {at: value for at, value in activations.items() if at < keep}
            case _:
                pass

    def note_texts(self) -> None:
        for lane in Lane:
            self.seen[lane].append("".join(self.tokens[lane]))

    @property
    def new_events(self) -> list[Event]:
        return [event for event in self.events if not isinstance(event, DoneEvent)]


async def bring(*attempts: Attempt, lanes: tuple[Lane, ...] = (STEERED,)) -> Shelf:
    shelf = Shelf()

    async def go_on(_: Pause) -> None:
        pass

    engine = Losing(attempts, shelf)
    request = GenerationRequest("Once", lanes=lanes)
    await deliver(engine, request, shelf.take, go_on, on_difference=shelf.differed.append)  # type: ignore[arg-type]
    return shelf


async def test_a_text_that_repeats_itself_goes_on_with_no_token_twice_and_none_lost() -> None:
    shelf = await bring(tokens("the", " sea"), [*tokens("the", " sea", " was", " calm"), done()])
    assert shelf.events == [*tokens("the", " sea", " was", " calm"), done()]
    assert shelf.differed == []


async def test_a_text_that_differs_is_rewound_to_where_it_does_and_says_so() -> None:
    shelf = await bring(tokens("the", " sea", " was"), [*tokens("the", " sky", " was"), done()])
    assert shelf.new_events[3:] == [RewindEvent(STEERED, 1), *tokens(" sky", " was", start=1)]
    assert shelf.differed == [STEERED]


async def test_a_text_that_ends_before_what_is_shown_is_rewound_to_its_end_and_says_so() -> None:
    shelf = await bring(tokens("the", " sea", " was"), [*tokens("the", " sea"), done()])
    assert shelf.events[3:] == [RewindEvent(STEERED, 2), done()]
    assert shelf.differed == [STEERED]


async def test_a_text_that_was_whole_but_for_its_end_only_ends() -> None:
    shelf = await bring(tokens("the", " sea"), [*tokens("the", " sea"), done()])
    assert shelf.events == [*tokens("the", " sea"), done()]


async def test_an_attempt_that_is_lost_before_it_reaches_what_is_shown_takes_nothing_away() -> None:
    shelf = await bring(tokens("a", "b", "c"), tokens("a"), tokens("ab"), [*tokens("a", "b", "c", "d"), done()])
    assert shelf.events == [*tokens("a", "b", "c", "d"), done()]


@pytest.mark.parametrize(
    ("shown", "again", "kept"),
    [
        (("the", " se"), ("the", " sea", " was"), 1),
        (("the", " s", "ea"), ("the", " sea", " was"), 1),
        (("the sea",), ("the", " sea", " was"), 0),
        (("the", " sea"), ("the sea was",), 0),
        (("the", "", " sea"), ("the", " sea", " was"), 1),
        (("the", " sea", ""), ("the", " sea", " was"), 2),
        (("the",), ("the", "", " sea"), None),
    ],
)
async def test_the_same_text_in_other_tokens_takes_the_place_of_what_is_shown_in_one_go(
    shown: tuple[str, ...], again: tuple[str, ...], kept: int | None
) -> None:
    shelf = await bring(tokens(*shown), [*tokens(*again), done()])
    assert shelf.tokens[STEERED] == list(again)
    assert [event.keep for event in shelf.events if isinstance(event, RewindEvent)] == ([] if kept is None else [kept])
    assert shelf.differed == []
    assert all(len(text) >= len("".join(shown)) for text in shelf.seen[STEERED][len(shown) :])


async def test_activations_that_were_lost_come_and_those_that_have_come_do_not_come_twice() -> None:
    first = [*tokens("a"), active(0), *tokens("b", start=1)]
    again = [*tokens("a"), active(0), *tokens("b", start=1), active(1), *tokens("c", start=2), active(2), done()]
    shelf = await bring(first, again)
    assert shelf.events[3:] == [active(1), *tokens("c", start=2), active(2), done()]


async def test_activations_that_come_late_are_not_lost_behind_the_joint() -> None:
    first = [*tokens("a", "b"), active(0)]
    again = [*tokens("a", "b", "c"), active(0), active(1), active(2), done()]
    shelf = await bring(first, again)
    assert shelf.activations[STEERED] == {0: 1.0, 1: 1.0, 2: 1.0}


async def test_a_rewind_inside_what_is_repeated_is_no_news() -> None:
    again = [*tokens("a", "x"), RewindEvent(STEERED, 1), *tokens("b", "c", start=1), done()]
    rewritten = [*tokens("a", "b"), RewindEvent(STEERED, 1), *tokens("b", "c", start=1), done()]
    assert (await bring(tokens("a", "b"), rewritten)).new_events == tokens("a", "b", "c")
    assert (await bring(tokens("a", "b"), again)).tokens[STEERED] == ["a", "b", "c"]


async def test_a_rewind_inside_the_same_text_in_other_tokens_is_no_difference() -> None:
    again = [*tokens("a", "b"), RewindEvent(STEERED, 1), *tokens("b", "c", "d", "e", start=1), done()]
    shelf = await bring(tokens("abcd"), again)
    assert (shelf.tokens[STEERED], shelf.differed) == (["a", "b", "c", "d", "e"], [])


async def test_activations_that_come_again_behind_a_rewind_inside_what_is_repeated_do_not_come_twice() -> None:
    again = [*tokens("a"), active(0), RewindEvent(STEERED, 0), *tokens("a"), active(0), *tokens("b", start=1), done()]
    assert (await bring(tokens("a"), again)).events == [*tokens("a"), active(0), *tokens("b", start=1), done()]


async def test_a_run_begun_anew_that_is_lost_while_it_is_compared_and_gone_on_with_gives_its_own_text() -> None:
    resumed = [RewindEvent(STEERED, 3), *tokens("d", "ef", "gh", start=3), done()]
    shelf = await bring(tokens("ab", "cd", "ef"), tokens("a", "b", "c"), [], resumed)
    assert shelf.tokens[STEERED] == ["a", "b", "c", "d", "ef", "gh"]
    assert list(dict.fromkeys(shelf.seen[STEERED])) == ["ab", "abcd", "abcdef", "abcdefgh"]


async def test_each_lane_is_compared_with_its_own_text() -> None:
    first = [token("a"), token("x", 0, DEFAULT), token("b", 1), token("y", 1, DEFAULT)]
    again = [token("a"), token("x", 0, DEFAULT), token("b", 1), token("z", 1, DEFAULT), done(), done(DEFAULT)]
    shelf = await bring(first, again, lanes=BOTH_LANES)
    assert shelf.tokens == {STEERED: ["a", "b"], DEFAULT: ["x", "z"]}
    assert [event for event in shelf.events if isinstance(event, RewindEvent)] == [RewindEvent(DEFAULT, 1)]
    assert shelf.differed == [DEFAULT]


# Whatever is lost, and wherever

TEXTS = st.text("ab", max_size=8)


@st.composite
def cut(draw: st.DrawFn, text: str, lane: Lane = STEERED) -> list[Event]:
    """The text in tokens, some of them empty, each with an activation that tells the tokens up to it."""
    events: list[Event] = []
    pieces: list[str] = []
    while text or (len(pieces) < 10 and draw(st.integers(0, 3)) == 0):
        length = draw(st.integers(0 if len(pieces) < 10 else 1, 3))
        pieces.append(text[:length])
        text = text[length:]
        index = len(pieces) - 1
        events += [TokenEvent(pieces[-1], index, lane), active(index, told(pieces), lane)]
    return events


def told(pieces: Sequence[str]) -> float:
    return float(crc32("|".join(pieces).encode()) % 1000)


@st.composite
def rewound(draw: st.DrawFn, lane: Lane = STEERED) -> list[Event]:
    """A stream that takes back some of what it says on the way."""
    events: list[Event] = []
    shown: list[str] = []
    for _ in range(draw(st.integers(0, 3))):
        for text in draw(st.lists(st.sampled_from(["", "a", "b", "ab"]), max_size=4)):
            shown.append(text)
            index = len(shown) - 1
            events += [TokenEvent(text, index, lane), active(index, told(shown), lane)]
        keep = draw(st.integers(0, len(shown)))
        if draw(st.booleans()):
            del shown[keep:]
            events.append(RewindEvent(lane, keep))
    return events


def shown_of(events: Iterable[Event]) -> Shelf:
    """What a reader has who met no loss; of a token that was taken back the activations may come again."""
    shelf = Shelf()
    for event in events:
        shelf.take(event)
    return shelf


@given(st.lists(rewound(), min_size=1, max_size=4), st.data())
@settings(max_examples=60)
def test_what_is_shown_at_the_end_is_what_the_last_attempt_says(
    streams: list[list[Event]], data: st.DataObject
) -> None:
    lost = [stream[: data.draw(st.integers(0, len(stream)))] for stream in streams[:-1]]
    shelf = asyncio.run(bring(*lost, [*streams[-1], done()]))
    last = shown_of(streams[-1])
    assert shelf.tokens == last.tokens
    assert shelf.activations == last.activations
    assert shelf.events.count(done()) == 1


@given(TEXTS, st.data())
@settings(max_examples=60)
def test_the_same_text_however_it_is_cut_and_lost_never_shrinks_and_never_differs(
    text: str, data: st.DataObject
) -> None:
    streams = [data.draw(cut(text)) for _ in range(data.draw(st.integers(1, 4)))]
    lost = [stream[: data.draw(st.integers(0, len(stream)))] for stream in streams[:-1]]
    shelf = asyncio.run(bring(*lost, [*streams[-1], done()]))
    assert "".join(shelf.tokens[STEERED]) == text
    assert shelf.tokens == shown_of(streams[-1]).tokens
    assert shelf.activations == shown_of(streams[-1]).activations
    assert shelf.differed == []
    seen = shelf.seen[STEERED]
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))


@st.composite
def with_losses(draw: st.DrawFn, streams: Sequence[Sequence[Event]]) -> list[list[Event]]:
    """The streams in at most four attempts: each is begun, lost and gone on with, and the last comes to its end."""
    attempts: list[list[Event]] = []
    for left, stream in zip(range(len(streams) - 1, -1, -1), streams, strict=True):
        cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=3 - left - len(attempts))))
        end = len(stream) if left == 0 else draw(st.integers(cuts[-1] if cuts else 0, len(stream)))
        for at, lost in pairwise([0, *cuts, end]):
            kept = len(shown_of(stream[:at]).tokens[STEERED])
            is_silent = at == lost < len(stream) and draw(st.booleans())  # lost before it says what holds
            attempts.append([RewindEvent(STEERED, kept)] * (at > 0 and not is_silent) + list(stream[at:lost]))
    return [*attempts[:-1], [*attempts[-1], done()]]


@given(st.lists(rewound(), min_size=1, max_size=3), st.data())
@settings(max_examples=50)
def test_what_is_shown_is_what_the_last_run_says_however_often_runs_are_gone_on_with_and_begun_anew(
    runs: list[list[Event]], data: st.DataObject
) -> None:
    shelf = asyncio.run(bring(*data.draw(with_losses(runs))))
    last = shown_of(runs[-1])
    assert (shelf.tokens, shelf.activations) == (last.tokens, last.activations)


@given(TEXTS, st.data())
@settings(max_examples=50)
def test_the_same_text_never_shrinks_however_often_its_runs_are_gone_on_with_and_begun_anew(
    text: str, data: st.DataObject
) -> None:
    runs = [data.draw(cut(text)) for _ in range(data.draw(st.integers(1, 3)))]
    shelf = asyncio.run(bring(*data.draw(with_losses(runs))))
    last = shown_of(runs[-1])
    assert (shelf.tokens, shelf.activations, shelf.differed) == (last.tokens, last.activations, [])
    assert all(later.startswith(earlier) for earlier, later in pairwise(shelf.seen[STEERED]))


@given(TEXTS, TEXTS, st.data())
@settings(max_examples=50)
def test_a_difference_is_told_just_where_the_new_text_does_not_begin_with_what_is_shown(
    first: str, second: str, data: st.DataObject
) -> None:
    shelf = asyncio.run(bring(data.draw(cut(first)), [*data.draw(cut(second)), done()]))
    assert shelf.differed == ([] if second.startswith(first) else [STEERED])


@given(rewound(), rewound(), rewound(DEFAULT), rewound(DEFAULT), st.data())
@settings(max_examples=50)
def test_lanes_that_come_interleaved_do_not_touch_each_other(
    first: list[Event], second: list[Event], third: list[Event], fourth: list[Event], data: st.DataObject
) -> None:
    def mixed(one: list[Event], other: list[Event]) -> list[Event]:
        order = data.draw(st.permutations([True] * len(one) + [False] * len(other)))
        ones, others = iter(one), iter(other)
        return [next(ones) if from_one else next(others) for from_one in order]

    default_ends = data.draw(st.booleans())  # a lane that has ended is not asked for again
    lost = mixed(first, [*third, done(DEFAULT)] if default_ends else third)
    last = mixed([*second, done()], [*fourth, done(DEFAULT)])
    shelf = asyncio.run(bring(lost, last, lanes=BOTH_LANES))
    assert shelf.tokens[STEERED] == shown_of(second).tokens[STEERED]
    assert shelf.tokens[DEFAULT] == shown_of(third if default_ends else fourth).tokens[DEFAULT]
    assert sorted(event.lane for event in shelf.events if isinstance(event, DoneEvent)) == sorted(Lane)
