"""What a text is measured by, and what many texts come to."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_engine import FEATURES

from steer_tui.domain import FeatureKind, Telltale
from steer_tui.engines import Reading
from steer_tui.generation.measures import Means, Measures, ShownBy, divergence, measure, repetition
from steer_tui.generation.sweep import Case, Direction, Sample, row_of

WINTER = FEATURES[0]

TEXTS = st.lists(st.sampled_from(["snow", "ice", "sun", "a"]), max_size=12).map(" ".join)

PIECES = st.text(max_size=5)

MEASURES = st.builds(
    Measures,
    activation=st.floats(0, 100),
    shows=st.booleans(),
    shown_by=st.just(ShownBy.ACTIVATIONS),
    nats=st.none() | st.floats(0, 20),
    repetition=st.floats(0, 1),
    divergence=st.floats(0, 1),
)


def reading(tokens: list[str], activations: list[float], logprobs: list[float | None]) -> Reading:
    return Reading(tuple(tokens), tuple((value,) for value in activations), tuple(logprobs))


@settings(max_examples=60)
@given(TEXTS, TEXTS)
def test_divergence_is_a_share_that_is_0_for_the_same_words_alone_and_the_same_both_ways(one: str, other: str) -> None:
    share = divergence(one, other)
    assert 0 <= share <= 1
    assert share == divergence(other, one)
    assert (share == 0) == (one == other)


@pytest.mark.parametrize(
    ("text", "default", "share"),
    [
        ("a b c d", "a b c d", 0),
        ("a b c d", "a x c d", 1 / 4),
        ("b c d", "a b c d", 1 / 4),
        ("x y", "a b", 1),
        ("", "a b", 1),
        ("", "", 0),
        (" a\n b ", "a b", 0),
    ],
)
def test_divergence_counts_words_to_change_of_the_longer_text(text: str, default: str, share: float) -> None:
    assert divergence(text, default) == share


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_repetition_is_a_share_and_0_where_no_4_words_come_twice(words: list[str]) -> None:
    grams = [tuple(words[start : start + 4]) for start in range(len(words) - 3)]
    share = repetition(" ".join(words))
    assert 0 <= share < 1
    assert (share == 0) == (len(set(grams)) == len(grams))


def test_a_text_that_says_one_thing_over_and_over_repeats_nearly_all_of_it() -> None:
    assert repetition("the sea " * 50) == 1 - 2 / 97
    assert repetition("the sea was calm and the night was long") == 0
    assert repetition("the sea") == repetition("") == 0


@settings(max_examples=50)
@given(
    st.lists(PIECES, min_size=1, max_size=8),
    st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=8),
    st.floats(0, 9),
)
def test_only_the_outputs_tokens_count_however_it_is_cut_into_tokens(
    prompt: list[str], output: list[str], activation: float
) -> None:
    read = reading(
        [*prompt, *output],
        [50.0] * len(prompt) + [activation] * len(output),
        [-50.0] * len(prompt) + [-1.5] * len(output),
    )
    measures = measure("".join(output), "", read, None)
    assert measures.activation == pytest.approx(activation)
    assert measures.nats == pytest.approx(1.5)


def test_a_token_that_prompt_and_output_share_is_the_outputs() -> None:
    measures = measure("se on ice", "", reading(["a", " hou", "se on", " ice"], [9, 1, 2, 3], [None, -9, -1, -2]), None)
    assert (measures.activation, measures.nats) == (2.5, 1.5)
    shared = measure("e", "", reading(["a", " house"], [9, 4], [None, -1]), None)
    assert (shared.activation, shared.nats) == (4, 1)


def test_an_output_without_a_token_has_no_nats_and_shows_nothing() -> None:
    measures = measure("", "the sea", reading(["a"], [9], [None]), None)
    assert measures == Measures(0.0, False, ShownBy.ACTIVATIONS, None, 0.0, 1.0)


@pytest.mark.parametrize(("active", "shows"), [(0, False), (1, False), (4, False), (5, True), (100, True)])
def test_without_a_telltale_a_text_shows_it_where_the_feature_is_active_on_5_percent_of_the_tokens(
    active: int, shows: bool
) -> None:
    read = reading(["a"] * 100, [0.1] * active + [0.0] * (100 - active), [-1.0] * 100)
    measures = measure("a" * 100, "", read, None)
    assert (measures.shows, measures.shown_by) == (shows, ShownBy.ACTIVATIONS)


def test_a_telltale_is_asked_and_not_the_activations() -> None:
    telltale = Telltale(words=frozenset({"snow"}))
    for text, shows in (("snow fell", True), ("rain fell", False)):
        measures = measure(text, "", reading([text], [0.0 if shows else 9.0], [-1.0]), telltale)
        assert (measures.shows, measures.shown_by) == (shows, ShownBy.TELLTALE)


@settings(max_examples=40)
@given(st.lists(MEASURES, min_size=1, max_size=10), st.randoms())
def test_means_lie_between_the_least_and_the_greatest_in_whatever_order(
    measures: list[Measures], random: Random
) -> None:
    means = Means.of(measures)
    assert means is not None
    assert means.texts == len(measures)
    assert means.share == pytest.approx(sum(one.shows for one in measures) / len(measures))
    for name in ("activation", "repetition", "divergence", "nats"):
        known = [value for one in measures if (value := getattr(one, name)) is not None]
        mean = getattr(means, name)
        assert (mean is None) == (not known)
        assert not known or min(known) - 1e-9 <= mean <= max(known) + 1e-9
    random.shuffle(measures)
    again = Means.of(measures)
    assert again is not None
    assert math.isclose(again.activation, means.activation)


def test_there_are_no_means_of_nothing() -> None:
    assert Means.of([]) is None


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 1.0]), st.sampled_from(Direction), MEASURES), max_size=10))
def test_a_row_holds_the_texts_of_its_value_each_in_its_direction(
    drawn: list[tuple[float, Direction, Measures]],
) -> None:
    samples = [Sample(Case(value, direction, "x"), "", measures) for value, direction, measures in drawn]
    for value in (-1.0, 0.0, 1.0):
        row = row_of(value, samples)
        for direction, means in ((Direction.FEATURE, row.feature), (Direction.RANDOM, row.random)):
            assert means == Means.of([m for v, d, m in drawn if (v, d) == (value, direction)])


@pytest.mark.parametrize("kind", [FeatureKind.VECTOR, FeatureKind.RANDOM])
def test_what_is_read_as_a_projection_tells_of_no_text_that_it_shows_the_concept(kind: FeatureKind) -> None:
    read = reading(["snow", " fell"], [0.4, -0.2], [-1.0, -1.0])
    measures = measure("snow fell", "", read, None, kind)
    assert (measures.activation, measures.shows, measures.shown_by) == (pytest.approx(0.1), None, None)
    means = Means.of([measures, measures])
    assert means is not None
    assert (means.share, means.shown_by) == (None, None)
    told = measure("snow fell", "", read, Telltale(words=frozenset({"snow"})), kind)
    assert (told.shows, told.shown_by) == (True, ShownBy.TELLTALE)
