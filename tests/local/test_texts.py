"""The texts that come through our engine are those that the server makes, whole and free of each other."""

import pytest

pytest.importorskip("interp_engine", reason="the extra `local` is not installed")

from local.asking import (
    DEFAULT,
    STEERED,
    added,
    asked,
    at_layer,
    direction,
    endings,
    events_of,
    feature_of,
    generated,
    text_in,
    text_of,
    tokens_in,
    turned,
)
from local.tiny_model import FAREWELL, FAREWELL_PROMPT, PROMPT, REPLY, SPLIT, STORY

from steer_tui.domain import BOTH_LANES, Lane

pytestmark = pytest.mark.local

PUSH = direction(1, 7.0)
OTHER = direction(2, 5.0)
DRAWN = {"temperature": 1.3, "seed": 7}


async def test_the_streamed_text_is_the_one_that_the_server_tells_at_once(connect, address, reference):
    engine = connect()
    events = await events_of(engine, asked(lanes=DEFAULT, **DRAWN))
    whole = await generated(address, reference.ids(PROMPT), temperature=1.3, seed=7)
    assert text_in(events, Lane.DEFAULT) == reference.text(whole)
    assert endings(events) == {Lane.DEFAULT: "max_tokens"}


async def test_characters_that_are_split_over_tokens_come_whole(connect):
    events = await events_of(connect(), asked(lanes=DEFAULT))
    assert text_in(events, Lane.DEFAULT).startswith(STORY)
    assert set(SPLIT) <= set(tokens_in(events, Lane.DEFAULT))
    assert "" in tokens_in(events, Lane.DEFAULT)  # of a character of which only a part has come


async def test_a_text_that_ends_by_itself_ends_without_the_mark_of_the_end(connect):
    events = await events_of(connect(), asked(lanes=DEFAULT, prompt=FAREWELL_PROMPT))
    assert (text_in(events, Lane.DEFAULT), endings(events)) == (FAREWELL, {Lane.DEFAULT: "complete"})


@pytest.mark.parametrize("stop", [" softly", "ls🙂 so", "雪"])
async def test_a_stop_text_ends_the_text_before_it_and_frees_the_server(connect, stop):
    engine = connect()
    events = await events_of(engine, asked(lanes=DEFAULT, stop=(stop,), max_tokens=1500))
    assert text_in(events, Lane.DEFAULT) == STORY.partition(stop)[0]
    assert endings(events) == {Lane.DEFAULT: "stop_sequence"}


async def test_a_message_goes_through_the_model_s_template(connect, reference):
    text = await text_of(connect(), asked(lanes=DEFAULT, prompt="Hi there", chat=True, max_tokens=12))
    assert text.startswith(REPLY)
    assert text == reference.greedy(reference.chat_ids("Hi there"), 12)


async def test_the_same_seed_gives_the_same_text_and_another_another(connect, save):
    engine = connect()
    dial = turned(await feature_of(engine, f"{save('push', layer_1=PUSH)}"), 3.0)
    first, again, other = [await text_of(engine, asked(dial, temperature=1.3, seed=seed)) for seed in (7, 7, 8)]
    assert first == again != other


async def test_a_dial_at_zero_is_no_dial(connect, save, address, reference):
    engine = connect()
    feature = await feature_of(engine, save("push", layer_1=PUSH))
    off = await text_of(engine, asked(turned(feature, 0.0), **DRAWN))
    assert off == await text_of(engine, asked(lanes=DEFAULT, **DRAWN))
    scaled = await generated(
        address, reference.ids(PROMPT), temperature=1.3, seed=7, steering=at_layer(1, added(PUSH, 0.0))
    )
    assert off == reference.text(scaled)


async def test_dials_that_are_summed_act_as_those_that_are_stacked(connect, save, address, reference):
    engine = connect()
    dials = [
        turned(await feature_of(engine, save("one", layer_1=PUSH)), 7.0),
        turned(await feature_of(engine, save("two", layer_1=OTHER)), -5.0),
    ]
    stacked = await generated(address, reference.ids(PROMPT), steering=at_layer(1, added(PUSH), added(OTHER, -1.0)))
    text = await text_of(engine, asked(*dials))
    assert text == reference.text(stacked)
    assert text != await text_of(engine, asked(dials[0])) != await text_of(engine, asked(lanes=DEFAULT))


async def test_a_lane_s_text_does_not_depend_on_whether_the_other_runs(connect, save):
    engine = connect()
    dial = turned(await feature_of(engine, save("push", layer_1=PUSH)), 6.0)
    both = await events_of(engine, asked(dial, lanes=BOTH_LANES, **DRAWN))
    assert endings(both) == dict.fromkeys(BOTH_LANES, "max_tokens")
    alone = {lanes: await text_of(engine, asked(dial, lanes=lanes, **DRAWN)) for lanes in (STEERED, DEFAULT)}
    assert (text_in(both), text_in(both, Lane.DEFAULT)) == (alone[STEERED], alone[DEFAULT])
    assert alone[STEERED] != alone[DEFAULT]
