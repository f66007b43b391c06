"""No lane ever emits a broken character, whatever the model finds likely."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from engines.builtin.tiny import MERGES, SAMPLE, merges_of, write_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from steer_tui.domain import BOTH_LANES, Dial, GenerationRequest, Lane, Sampling, SteeringVector, TokenEvent
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.engines.builtin.characters import Spellings, Unfinished
from steer_tui.engines.builtin.sampling import Sampler
from steer_tui.engines.builtin.tokenizer import Tokenizer

TOKENIZER = Tokenizer(r"[\s\S]", [(left, right) for left, right in merges_of(SAMPLE, MERGES)])
SPELLINGS = Spellings(TOKENIZER.token_bytes)
VOCABULARY = len(TOKENIZER.token_bytes)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), min_size=1)


@given(texts)
def test_the_bytes_of_any_text_are_admitted_one_by_one(text: str) -> None:
    unfinished, encoded = Unfinished(SPELLINGS), text.encode()
    for at, byte in enumerate(encoded):
        assert unfinished.admits(byte, len(encoded) - at - 1)
        unfinished.take(byte)
    assert unfinished.admits(TOKENIZER.end_of_text, 0)


@pytest.mark.parametrize(
    "broken",
    [
        *(b"\x80", b"\xc0", b"\xc1", b"\xf5", b"\xff", b"\xc3a", b"\xe0\x80", b"\xed\xa0", b"\xed\xbf", b"\xf0\x80"),
        *(b"\xf4\x90", b"\xe2\x82a", b"\xf0\x9f\x98\xc3", "\ufffd".encode()),
    ],
    ids=bytes.hex,
)
def test_the_byte_that_breaks_a_character_is_not_admitted(broken: bytes) -> None:
    unfinished = Unfinished(SPELLINGS)
    for byte in broken[:-1]:
        assert unfinished.admits(byte, 3)
        unfinished.take(byte)
    assert not unfinished.admits(broken[-1], 3)


@pytest.mark.parametrize(("character", "length"), [("é", 2), ("日", 3), ("😀", 4)])
def test_a_character_that_cannot_be_finished_is_not_begun(character: str, length: int) -> None:
    first = character.encode()[0]
    assert not Unfinished(SPELLINGS).admits(first, length - 2)
    assert Unfinished(SPELLINGS).admits(first, length - 1)


def test_the_end_of_text_cannot_come_within_a_character() -> None:
    unfinished = Unfinished(SPELLINGS)
    assert unfinished.admits(TOKENIZER.end_of_text, 9)
    unfinished.take(0xC3)
    assert not unfinished.admits(TOKENIZER.end_of_text, 9)


walks = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=12)


@settings(deadline=None, max_examples=30)
@given(walks)
def test_whatever_is_admitted_makes_a_text_and_something_always_is(wishes: list[int]) -> None:
    unfinished, taken = Unfinished(SPELLINGS), b""
    for at, wish in enumerate(wishes):
        left = len(wishes) - at - 1
        admitted = unfinished.admitted(left)
        assert [unfinished.admits(token, left) for token in range(VOCABULARY)] == admitted.tolist()
        token = wish if admitted[wish] else int(np.flatnonzero(admitted)[wish % admitted.sum()])
        unfinished.take(token)
        taken += TOKENIZER.token_bytes[token]
    assert "\ufffd" not in taken.decode("utf-8", "strict")


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1e9, 1e-300])
@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31 - 1))
def test_drawn_tokens_make_whole_characters_even_where_the_model_wants_none(temperature: float, seed: int) -> None:
    logits = np.random.default_rng(seed).standard_normal((8, VOCABULARY)).astype(np.float32) * 30
    logits[:, 0x80:0x100] += np.float32(200)  # every byte that is no character by itself
    sampler, unfinished, taken = Sampler(Sampling(temperature=temperature, seed=seed)), Unfinished(SPELLINGS), b""
    for at, row in enumerate(logits):
        token, logprob = sampler.draw(row, unfinished, len(logits) - at - 1)
        assert np.isfinite(logprob)
        unfinished.take(token)
        taken += TOKENIZER.token_bytes[token]
    assert "\ufffd" not in taken.decode("utf-8", "strict")


def test_a_token_that_is_put_back_leaves_the_odds_of_the_others_as_they_were() -> None:
    logits = np.full(VOCABULARY, -np.inf, np.float32)
    logits[[0x61, 0x62, 0x80, 0xFF]] = np.log(np.array([1, 3, 10, 10], np.float32))
    sampler, unfinished = Sampler(Sampling(temperature=1)), Unfinished(SPELLINGS)
    drawn = [sampler.draw(logits, unfinished, 9)[0] for _ in range(1_000)]
    assert set(drawn) == {0x61, 0x62}
    assert 0.7 < np.mean(np.array(drawn) == 0x62) < 0.8


def test_a_sampler_goes_on_where_another_one_was() -> None:
    rows = np.random.default_rng(1).standard_normal((60, VOCABULARY)).astype(np.float32)
    first, unfinished = Sampler(Sampling()), Unfinished(SPELLINGS)
    draw = partial(Sampler.draw, unfinished=unfinished, left=3)
    for row in rows[:30]:
        draw(first, row)
    assert first.drawn > 30
    second = Sampler(Sampling(), first.drawn)
    assert [draw(first, row) for row in rows[30:]] == [draw(second, row) for row in rows[30:]]


@pytest.fixture(scope="module")
def babbling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that finds the bytes above ASCII likely, most of them in places where they break a character."""
    folder = write_weights(tmp_path_factory.mktemp("babbling"))
    arrays = dict(np.load(folder / "model.npz"))
    arrays["embedding"][0x80:0x100] *= np.float16(3)
    np.savez(folder / "model.npz", **arrays)
    return folder


@pytest.mark.parametrize("max_tokens", [1, 2, 3, 4, 40])
@pytest.mark.parametrize("temperature", [0.0, 0.8, 1e9])
async def test_no_lane_emits_a_broken_or_unfinished_character(
    babbling: Path, temperature: float, max_tokens: int
) -> None:
    engine = BuiltinEngine(babbling)
    [sea] = await engine.find_features("sea", 1)
    seen = dict.fromkeys(BOTH_LANES, "")
    for seed in range(3):
        sampling = Sampling(temperature=temperature, max_tokens=max_tokens, seed=seed)
        request = GenerationRequest("日本 😀", sampling, SteeringVector.of([Dial(sea, 9.0)]))
        events = [event async for event in engine.stream(request)]
        for lane in BOTH_LANES:
            seen[lane] += "".join(e.token for e in events if isinstance(e, TokenEvent) and e.lane is lane)
    assert [event async for event in engine.stream(request)] == events
    await engine.aclose()
    for text in seen.values():
        assert "\ufffd" not in text
        text.encode()
    assert max_tokens < 40 or not seen[Lane.DEFAULT].isascii()
