import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest
from engines.builtin.tiny import CONTEXT, slow_forward
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steer_tui.domain import (
    ActivationEvent,
    Feature,
    FeatureKind,
    GenerationRequest,
    Lane,
    NotFound,
    Sampling,
    TokenEvent,
)
from steer_tui.engines import Reading, Rereads
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.engines.builtin.catalogue import read_card, read_tokenizer

TEXT = "The snow fell on the sea; 日本 😀 the end."


@pytest.fixture
async def features(engine: BuiltinEngine) -> Sequence[Feature]:
    offered = await engine.find_features("")
    return [*offered, engine.random_direction(offered[0], 5)]


@pytest.fixture
async def shipped() -> AsyncIterator[BuiltinEngine]:
    engine = BuiltinEngine()
    yield engine
    await engine.aclose()


def slow_reading(weights: Path, ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The log-probability of each id behind the end of text, and the residual where it is read."""
    logits, residuals = slow_forward(weights, [256, *ids])
    logprobs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return logprobs[np.arange(len(ids)), ids], residuals[1:]


async def test_tokens_likelihoods_and_activations_are_those_of_the_reference(
    engine: BuiltinEngine, features: Sequence[Feature], weights: Path
) -> None:
    assert isinstance(engine, Rereads)
    reading = await engine.reread(TEXT, features)
    ids = read_tokenizer(weights, read_card(weights)).encode(TEXT)
    logprobs, residuals = slow_reading(weights, ids)
    assert len(ids) > 10
    assert len(reading.tokens) == len(ids)
    assert "".join(reading.tokens) == TEXT
    np.testing.assert_allclose(reading.logprobs, logprobs, atol=1e-3)
    sae = {name: array.astype(np.float64) for name, array in np.load(weights / "sae.npz").items()}
    for number, feature in enumerate(features):
        read = [row[number] for row in reading.activations]
        index = int(feature.id.rsplit("/", 1)[1])
        if feature.kind is FeatureKind.SAE:
            before = residuals @ sae["encoder"][:, index] + sae["encoder_bias"][index]
            expected = np.where(before > sae["threshold"][index], before, 0)
        elif feature.kind is FeatureKind.MEANS:
            expected = np.maximum(residuals @ sae["means.direction"][index] + sae["means.bias"][index], 0)
        else:
            drawn = np.random.Generator(np.random.PCG64(index)).standard_normal(residuals.shape[1])
            expected = np.maximum(residuals @ drawn / np.linalg.norm(drawn), 0)
        np.testing.assert_allclose(read, expected, atol=2e-3)


@pytest.mark.parametrize("length", [CONTEXT - 2, CONTEXT - 1, CONTEXT, 2 * CONTEXT, 3 * CONTEXT + 7])
async def test_a_text_longer_than_the_context_is_read_with_half_a_context_before_each_token(
    engine: BuiltinEngine, features: Sequence[Feature], weights: Path, length: int
) -> None:
    text = "".join(map(str, np.random.default_rng(length).integers(0, 10, length)))
    ids = read_tokenizer(weights, read_card(weights)).encode(text)
    assert len(ids) == length
    reading = await engine.reread(text, features)
    assert len(reading.tokens) == len(reading.logprobs) == len(reading.activations) == length
    half = CONTEXT // 2
    expected, _ = slow_reading(weights, ids[: CONTEXT - 1])
    for begin in range(half, length - half + 1, half):  # what each further window is the first to read
        window, _ = slow_reading(weights, ids[begin : begin + CONTEXT - 1])
        expected = np.concatenate([expected, window[half - 1 :]])
    np.testing.assert_allclose(reading.logprobs, expected, atol=1e-3)


async def test_a_streamed_text_is_read_with_the_likelihoods_it_was_drawn_with(shipped: BuiltinEngine) -> None:
    watched = tuple((await shipped.find_features(""))[:3])
    for seed in range(2):
        sampling = Sampling(temperature=1, max_tokens=40, seed=seed)
        request = GenerationRequest("Once upon a time", sampling, lanes=(Lane.DEFAULT,), watched=watched)
        events = [event async for event in shipped.stream(request)]
        tokens = [event for event in events if isinstance(event, TokenEvent)]
        reading = await shipped.reread(request.prompt + "".join(token.token for token in tokens), watched)
        ours = [token.token for token in tokens]
        assert list(reading.tokens[-len(ours) :]) == ours
        np.testing.assert_allclose(reading.logprobs[-len(ours) :], [token.logprob for token in tokens], atol=2e-3)
        read = [[f.activation for f in event.features] for event in events if isinstance(event, ActivationEvent)]
        np.testing.assert_allclose(reading.activations[-len(ours) :], read, atol=0.05)


async def test_nothing_is_read_of_an_empty_text_and_no_activations_without_features(engine: BuiltinEngine) -> None:
    assert await engine.reread("", []) == Reading((), (), ())
    assert set((await engine.reread(TEXT, [])).activations) == {()}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=300))
async def test_the_tokens_are_the_text_whatever_it_is(engine: BuiltinEngine, text: str) -> None:
    reading = await engine.reread(text, [])
    assert "".join(reading.tokens) == text
    assert all(np.isfinite(logprob) for logprob in reading.logprobs if logprob is not None)


async def test_half_of_a_surrogate_pair_is_read_as_a_replacement(engine: BuiltinEngine) -> None:
    assert "".join((await engine.reread("a\ud83db", [])).tokens) == "a\ufffdb"


async def test_a_stranger_is_refused(engine: BuiltinEngine) -> None:
    with pytest.raises(NotFound):
        await engine.reread(TEXT, [Feature("gpt2/8-res/1", "strange", 1.0)])


async def test_a_running_stream_goes_on_beside_a_long_reading(engine: BuiltinEngine) -> None:
    await engine.prepare()
    reading = asyncio.create_task(engine.reread("0123456789" * 2_000, []))
    request = GenerationRequest("The sea", Sampling(max_tokens=60))
    assert [event async for event in engine.stream(request)]
    assert not reading.done()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_cancelled_reading_takes_no_further_step(engine: BuiltinEngine) -> None:
    await engine.prepare()
    reading = asyncio.create_task(engine.reread("0123456789" * 5_000, []))
    await asyncio.sleep(0.03)
    assert not reading.done()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await engine.prepare()
    stood = engine.steps_taken
    await asyncio.sleep(0.1)
    assert engine.steps_taken == stood


async def test_a_reading_leaves_a_stream_unchanged(engine: BuiltinEngine, features: Sequence[Feature]) -> None:
    request = GenerationRequest("The sea", Sampling(max_tokens=40))
    alone = [event async for event in engine.stream(request)]
    async with aclosing(engine.stream(request)) as events:
        beside, reading = [await anext(events)], await engine.reread(TEXT, features)
        beside += [event async for event in events]
    assert beside == alone
    assert await engine.reread(TEXT, features) == reading
