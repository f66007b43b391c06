import asyncio
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engines.builtin.tiny import CONTEXT, FEATURES, NAME, NORM, slow_forward, write_weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steer_tui.domain import (
    BOTH_LANES,
    ActivationEvent,
    Dial,
    DoneEvent,
    Event,
    Feature,
    FeatureKind,
    FinishReason,
    GenerationRequest,
    Lane,
    Method,
    NotFound,
    Rejected,
    Sampling,
    SteerError,
    SteeringVector,
    TokenEvent,
    Unsupported,
)
from steer_tui.engines import LanePolicy, Prepares, Windows
from steer_tui.engines.builtin import BuiltinEngine
from steer_tui.engines.builtin.catalogue import read_card, read_tokenizer

SAMPLING = Sampling(temperature=0.8, max_tokens=30)


async def generate(engine: BuiltinEngine, request: GenerationRequest) -> list[Event]:
    return [event async for event in engine.stream(request)]


def tokens_of(events: Sequence[Event], lane: Lane) -> list[TokenEvent]:
    return [event for event in events if isinstance(event, TokenEvent) and event.lane is lane]


def text_of(events: Sequence[Event], lane: Lane) -> str:
    return "".join(event.token for event in tokens_of(events, lane))


def end_of(events: Sequence[Event], lane: Lane) -> FinishReason:
    [done] = [event for event in events if isinstance(event, DoneEvent) and event.lane is lane]
    return done.finish_reason


async def steered(engine: BuiltinEngine, value: float = 6.0, label: str = "sea") -> SteeringVector:
    return SteeringVector.of([Dial((await engine.find_features(label))[0], value)])


async def test_both_lanes_come_interleaved_each_with_its_end(engine: BuiltinEngine) -> None:
    events = await generate(engine, GenerationRequest("The sea", SAMPLING, await steered(engine)))
    for lane in BOTH_LANES:
        tokens = tokens_of(events, lane)
        assert [token.index for token in tokens] == list(range(len(tokens)))
        assert end_of(events, lane) is (FinishReason.MAX_TOKENS if len(tokens) == 30 else FinishReason.COMPLETE)
    lanes = [event.lane for event in events if isinstance(event, TokenEvent)]
    assert lanes[:8] == [Lane.STEERED, Lane.DEFAULT] * 4
    assert text_of(events, Lane.STEERED) != text_of(events, Lane.DEFAULT)


async def test_a_lane_is_the_same_alone_with_the_other_and_among_other_streams(engine: BuiltinEngine) -> None:
    together = GenerationRequest("The sea", SAMPLING, await steered(engine))
    both = await generate(engine, together)
    for lane in BOTH_LANES:
        alone = replace(together, lanes=(lane,))
        others = [replace(together, sampling=replace(SAMPLING, seed=seed)) for seed in range(3)]
        runs = await asyncio.gather(*(generate(engine, request) for request in (alone, *others)))
        assert runs[0] == [event for event in both if event.lane is lane]


async def test_the_seed_decides_the_text(engine: BuiltinEngine) -> None:
    texts = [
        text_of(await generate(engine, GenerationRequest("The", replace(SAMPLING, seed=seed))), Lane.DEFAULT)
        for seed in (1, 1, 2, 3)
    ]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3


@pytest.mark.parametrize("zero", [0.0, -0.0])
async def test_a_dial_at_zero_is_off_byte_for_byte(engine: BuiltinEngine, zero: float) -> None:
    events = await generate(engine, GenerationRequest("The sea", SAMPLING, await steered(engine, zero)))
    assert tokens_of(events, Lane.DEFAULT) == [replace(t, lane=Lane.DEFAULT) for t in tokens_of(events, Lane.STEERED)]


async def test_dials_that_cancel_out_are_off(engine: BuiltinEngine) -> None:
    [sea] = (await engine.find_features("sea"))[:1]
    vector = SteeringVector.of([Dial(sea, 4.0), Dial(sea, -4.0)])
    events = await generate(engine, GenerationRequest("The sea", SAMPLING, vector))
    assert text_of(events, Lane.STEERED) == text_of(events, Lane.DEFAULT)


async def test_greedy_tokens_logprobs_and_activations_are_those_of_the_reference(weights: Path) -> None:
    engine = BuiltinEngine(weights)
    features = [*await engine.find_features(""), *await engine.find_features(f"{NAME}/2-sae/11")]
    vector = SteeringVector.of([Dial(features[1], 3.0), Dial(features[2], -2.0)])
    sampling = Sampling(temperature=0, max_tokens=12)
    events = await generate(engine, GenerationRequest("The snow", sampling, vector, watched=tuple(features)))
    await engine.aclose()

    sae = {name: array.astype(np.float64) for name, array in np.load(weights / "sae.npz").items()}
    delta = 0.04 * NORM * (3.0 * sae["decoder"][5] - 2.0 * sae["means.direction"][2])
    tokenizer = read_tokenizer(weights, read_card(weights))
    for lane, added in ((Lane.STEERED, delta), (Lane.DEFAULT, None)):
        ids = [256, *tokenizer.encode("The snow")]
        expected, text = [], b""
        for _ in range(12):
            logits, _ = slow_forward(weights, ids, added)
            token = int(logits[-1].argmax())
            if token == 256:
                break
            expected.append(logits[-1][token] - np.log(np.exp(logits[-1]).sum()))
            ids.append(token)
            text += tokenizer.token_bytes[token]
        assert text_of(events, lane) == text.decode("utf-8", "replace")
        np.testing.assert_allclose([t.logprob for t in tokens_of(events, lane)], expected, atol=1e-3)

        _, residuals = slow_forward(weights, ids, added)
        readings = [e for e in events if isinstance(e, ActivationEvent) and e.lane is lane]
        assert [reading.token_index for reading in readings] == list(range(len(expected)))
        for reading, h in zip(readings, residuals[-len(expected) :], strict=True):
            assert [f.id for f in reading.features] == [f.id for f in features]
            for feature, read in zip(features, reading.features, strict=True):
                index = int(feature.id.rsplit("/", 1)[1])
                if feature.kind is FeatureKind.MEANS:
                    want = max(0.0, h @ sae["means.direction"][index] + sae["means.bias"][index])
                else:
                    pre = h @ sae["encoder"][:, index] + sae["encoder_bias"][index]
                    want = pre if pre > sae["threshold"][index] else 0.0
                assert read.activation == pytest.approx(want, abs=2e-3)


async def test_each_token_is_followed_by_its_activations(engine: BuiltinEngine) -> None:
    watched = tuple(await engine.find_features(""))
    events = await generate(engine, GenerationRequest("The sea", SAMPLING, lanes=(Lane.DEFAULT,), watched=watched))
    pairs = list(zip(events[:-1:2], events[1:-1:2], strict=True))
    assert pairs
    for token, reading in pairs:
        assert isinstance(token, TokenEvent)
        assert isinstance(reading, ActivationEvent)
        assert token.index == reading.token_index


async def test_watching_changes_no_token(engine: BuiltinEngine) -> None:
    plain = GenerationRequest("The sea", SAMPLING, await steered(engine))
    watched = await generate(engine, replace(plain, watched=tuple(await engine.find_features(""))))
    assert await generate(engine, plain) == [e for e in watched if not isinstance(e, ActivationEvent)]


async def test_logprobs_are_those_of_the_distribution_that_was_drawn_from(engine: BuiltinEngine) -> None:
    warm = await generate(engine, GenerationRequest("The", replace(SAMPLING, temperature=1e9)))
    first = tokens_of(warm, Lane.DEFAULT)[0]
    assert first.logprob == pytest.approx(-np.log(297), abs=1e-3)
    cold = await generate(engine, GenerationRequest("The", replace(SAMPLING, temperature=1e-300)))
    greedy = await generate(engine, GenerationRequest("The", replace(SAMPLING, temperature=0)))
    assert text_of(cold, Lane.DEFAULT) == text_of(greedy, Lane.DEFAULT)


@pytest.mark.parametrize(("start", "length"), [(0, 1), (0, 4), (5, 1), (6, 7), (9, 12)])
async def test_a_stop_text_ends_the_lane_and_is_not_part_of_it(engine: BuiltinEngine, start: int, length: int) -> None:
    request = GenerationRequest("The sea", replace(SAMPLING, max_tokens=40), lanes=(Lane.DEFAULT,))
    whole = text_of(await generate(engine, request), Lane.DEFAULT)
    stop = whole[start : start + length]
    events = await generate(engine, replace(request, sampling=replace(request.sampling, stop=("never this", stop))))
    assert text_of(events, Lane.DEFAULT) == whole[: whole.find(stop)]
    assert end_of(events, Lane.DEFAULT) is FinishReason.STOP_SEQUENCE
    tokens = tokens_of(events, Lane.DEFAULT)
    assert [token.index for token in tokens] == list(range(len(tokens)))


async def test_the_model_ends_its_own_text(tmp_path: Path) -> None:
    engine = BuiltinEngine(write_weights(tmp_path, end_bias=0.7))
    requests = [GenerationRequest("The", replace(SAMPLING, seed=seed, max_tokens=90)) for seed in range(8)]
    runs = [await generate(engine, request) for request in requests]
    await engine.aclose()
    ended = [(run, lane) for run in runs for lane in BOTH_LANES if end_of(run, lane) is FinishReason.COMPLETE]
    assert ended
    assert all(len(tokens_of(run, lane)) < 90 for run, lane in ended)


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("max_tokens", [1, 2, CONTEXT - 1])
async def test_no_more_than_max_tokens_come(engine: BuiltinEngine, max_tokens: int, watched: bool) -> None:
    features = tuple(await engine.find_features("")) if watched else ()
    request = GenerationRequest(
        "The sea " * 99, Sampling(max_tokens=max_tokens), lanes=(Lane.DEFAULT,), watched=features
    )
    events = await generate(engine, request)
    assert len(tokens_of(events, Lane.DEFAULT)) == max_tokens
    assert end_of(events, Lane.DEFAULT) is FinishReason.MAX_TOKENS


async def test_more_tokens_than_the_context_holds_are_refused(engine: BuiltinEngine) -> None:
    request = GenerationRequest("The", Sampling(max_tokens=CONTEXT))
    for work in (generate(engine, request), engine.prompt_window(request)):
        with pytest.raises(Rejected, match=f"{CONTEXT} tokens"):
            await work


async def test_the_model_reads_the_last_part_of_a_long_prompt(engine: BuiltinEngine, weights: Path) -> None:
    assert isinstance(engine, Windows)
    tokenizer = read_tokenizer(weights, read_card(weights))
    long, sampling = "The sea was cold. " * 30 + "The snow", Sampling(temperature=0, max_tokens=20)
    ids = tokenizer.encode(long)
    window = await engine.prompt_window(GenerationRequest(long, sampling))
    assert (window.seen, window.total) == (CONTEXT - 1 - 20, len(ids))
    read = tokenizer.decode(ids[-window.seen :])
    assert tokenizer.encode(read) == ids[-window.seen :]
    runs = [await generate(engine, GenerationRequest(prompt, sampling)) for prompt in (long, read)]
    assert runs[0] == runs[1]
    short = await engine.prompt_window(GenerationRequest("The sea", sampling))
    assert short.seen == short.total == len(tokenizer.encode("The sea"))


PROMPTS = {
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 😀",
    "japanese": "昔々あるところに",
    "arabic": "كان يا ما كان",
    "control": "\x00\x1b[31m\x07\r\n\t\x9b",
    "surrogate": "a\ud83db",
    "end of text": "<|endoftext|><|endoftext|>",
    "one letter": "x",
    "space after": "The sea ",
    "long": "word " * 2_000,
    "unbroken": "a" * 10_000,
    "seals": "🦭" * 10_000,
    "markup": "[bold]x[/] {}%s\\",
}


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
async def test_any_prompt_generates_valid_text(engine: BuiltinEngine, prompt: str) -> None:
    events = await generate(engine, GenerationRequest(prompt, Sampling(temperature=1.5, max_tokens=20)))
    for lane in BOTH_LANES:
        text_of(events, lane).encode("utf-8")
        assert "\ufffd" not in text_of(events, lane)
        assert end_of(events, lane)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(prompt=st.text(st.characters(), min_size=1).filter(str.strip), seed=st.integers(0, 2**31 - 1))
async def test_any_text_can_be_gone_on_with(engine: BuiltinEngine, prompt: str, seed: int) -> None:
    request = GenerationRequest(prompt, Sampling(temperature=1.5, max_tokens=8, seed=seed))
    events = await generate(engine, request)
    assert "\ufffd" not in text_of(events, Lane.DEFAULT)
    assert end_of(events, Lane.DEFAULT)
    assert await generate(engine, request) == events


async def test_closing_the_generator_stops_its_computing(engine: BuiltinEngine) -> None:
    sampling = Sampling(max_tokens=CONTEXT - 1)
    await engine.prepare()
    async with aclosing(engine.stream(GenerationRequest("The sea", sampling))) as events:
        await anext(events)
    await engine.prepare()
    stood = engine.steps_taken
    await asyncio.sleep(0.1)
    assert engine.steps_taken == stood < 2 * CONTEXT


async def test_closing_the_engine_joins_its_thread(weights: Path) -> None:
    before = threading.enumerate()
    engine = BuiltinEngine(weights)
    assert threading.enumerate() == before
    stream = engine.stream(GenerationRequest("The sea", SAMPLING))
    await anext(stream)
    assert len(threading.enumerate()) == len(before) + 1
    await engine.aclose()
    await engine.aclose()
    assert threading.enumerate() == before
    with pytest.raises(SteerError):
        await generate(engine, GenerationRequest("The sea", SAMPLING))


async def test_an_engine_that_was_never_used_closes(weights: Path) -> None:
    await BuiltinEngine(weights).aclose()


async def test_what_the_engine_cannot_do_is_said(engine: BuiltinEngine) -> None:
    vector = replace(await steered(engine), method=Method.ABLATE)
    stranger = SteeringVector.of([Dial(Feature("gpt2/8-res/1", "strange", 1.0), 1.0)])
    beyond = Feature(f"{NAME}/2-sae/{FEATURES}", "beyond", 1.0)
    for request, kind in (
        (GenerationRequest("a", SAMPLING, vector), Unsupported),
        (GenerationRequest("a", SAMPLING, chat=True), Unsupported),
        (GenerationRequest("a", SAMPLING, stranger), NotFound),
        (GenerationRequest("a", SAMPLING, watched=(beyond,)), NotFound),
        (GenerationRequest("a", SAMPLING, await steered(engine, 1e300)), Rejected),
        (GenerationRequest("a", SAMPLING, await steered(engine, -1.7e308)), Rejected),
    ):
        with pytest.raises(kind) as caught:
            await generate(engine, request)
        assert caught.value.message.endswith(".")
        assert caught.value.hint.endswith(".")


async def test_a_very_strong_dial_still_gives_numbers(engine: BuiltinEngine) -> None:
    events = await generate(engine, GenerationRequest("a", SAMPLING, await steered(engine, 1e6)))
    assert all(np.isfinite(token.logprob or 0) for token in tokens_of(events, Lane.STEERED))


def test_the_engine_tells_what_it_is(engine: BuiltinEngine) -> None:
    info = engine.info
    assert isinstance(engine, Prepares)
    assert (info.name, info.model, info.context) == ("builtin", NAME, CONTEXT)
    assert (info.methods, info.lanes, info.quota) == ((Method.ADDITIVE, Method.PIN), LanePolicy.PARALLEL, None)


async def test_missing_weights_are_said_at_the_first_use(tmp_path: Path) -> None:
    engine = BuiltinEngine(tmp_path)
    assert engine.info.name == "builtin"
    assert engine.info.context is None
    for work in (
        engine.find_features(""),
        engine.prepare(),
        generate(engine, GenerationRequest("a")),
        engine.prompt_window(GenerationRequest("a")),
    ):
        with pytest.raises(NotFound, match=r"model\.json"):
            await work
    await engine.aclose()


async def labels(engine: BuiltinEngine, query: str, limit: int | None = None) -> list[str]:
    return [feature.label for feature in await engine.find_features(query, limit)]


async def test_features_are_found_best_first(engine: BuiltinEngine) -> None:
    assert await labels(engine, "") == ["winter", "sea", "a winter sea", "music"]
    assert await labels(engine, "", 2) == ["winter", "sea"]
    assert await labels(engine, " SEA ") == ["sea", "a winter sea"]
    assert await labels(engine, "winter") == ["winter", "a winter sea"]
    assert await labels(engine, "Snow") == ["winter"]
    assert await labels(engine, "seal") == ["a winter sea"]
    assert await labels(engine, "song") == ["music"]
    assert await labels(engine, "tiny/2-means/2") == ["a winter sea"]
    assert await labels(engine, "nothing like it") == []
    assert await labels(engine, "", 0) == []


async def test_a_feature_has_its_unit_and_its_facts(engine: BuiltinEngine) -> None:
    [music] = await engine.find_features("music")
    assert music.unit == pytest.approx(0.04 * NORM)
    assert (music.residual_norm, music.max_activation, music.density) == (NORM, 9.5, 0.02)
    assert (music.id, music.kind, music.promoted) == (f"{NAME}/2-sae/7", FeatureKind.SAE, (" song",))


async def test_an_unlabelled_sae_feature_is_found_by_its_id(engine: BuiltinEngine) -> None:
    [feature] = await engine.find_features(f"{NAME}/2-sae/17")
    assert (feature.id, feature.label, feature.unit) == (f"{NAME}/2-sae/17", "2-sae/17", 0.04 * NORM)
    assert await labels(engine, f"{NAME}/2-sae/3") == ["winter"]
    assert await labels(engine, f"{NAME}/2-sae/{FEATURES}") == []
    assert await labels(engine, f"{NAME}/1-sae/17") == []
    vector = SteeringVector.of([Dial(feature, 8.0)])
    events = await generate(engine, GenerationRequest("The sea", SAMPLING, vector))
    assert text_of(events, Lane.STEERED) != text_of(events, Lane.DEFAULT)


def test_numpy_and_weights_wait_for_the_computing_thread(weights: Path) -> None:
    script = f"""
import asyncio, os, pathlib, sys, threading
from steer_tui.engines.builtin import BuiltinEngine
async def main():
    engine = BuiltinEngine(pathlib.Path({str(weights)!r}))
    engine.info
    await engine.find_features("sea")
    assert "numpy" not in sys.modules and threading.active_count() == 1
    environment = dict(os.environ)
    await engine.prepare()
    assert "numpy" in sys.modules and threading.active_count() == 2
    assert dict(os.environ) == environment
    await engine.aclose()
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", script], check=True)
