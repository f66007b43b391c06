"""A server that leaves the vector out is found out, and no other one is accused."""

from collections.abc import Iterable, Mapping

import pytest
from scripted_engine import ScriptedEngine, Step, done, token

from steer_tui.domain import (
    Dial,
    ErrorEvent,
    Feature,
    FeatureKind,
    GenerationRequest,
    Lane,
    RewindEvent,
    SteeringVector,
    Unauthorized,
    Unreachable,
)
from steer_tui.engines.directions.canary import DOSE, PROMPTS, large_dial, steering_has_effect

FEATURES = tuple(
    Feature(f"random-{seed}/layer-6", f"random direction {seed}", 2.0, FeatureKind.RANDOM, residual_norm=50.0)
    for seed in (1, 2)
)


def writing(texts: Mapping[tuple[str, str], str]) -> ScriptedEngine:
    """Writes the text of a prompt and of a feature's id, or else of the prompt alone."""

    def script(request: GenerationRequest) -> Iterable[Step]:
        ids = "".join(dial.feature.id for dial in request.vector.dials)
        text = texts.get((request.prompt, ids), texts[request.prompt, ""])
        return [*(token(letter, place) for place, letter in enumerate(text)), done()]

    return ScriptedEngine(script)


ALONE = {(PROMPTS[0], ""): "cold.", (PROMPTS[1], ""): "Dear"}


async def test_the_same_texts_everywhere_mean_that_steering_has_no_effect() -> None:
    engine = writing(ALONE)
    assert not await steering_has_effect(engine.stream, FEATURES)
    assert [request.vector.dials for request in engine.requests] == [
        (),
        *((large_dial(feature),) for feature in FEATURES),
    ] * len(PROMPTS)
    assert engine.open_streams == 0


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.label)
async def test_one_difference_is_enough_and_ends_the_look(prompt: str, feature: Feature) -> None:
    engine = writing({**ALONE, (prompt, feature.id): "cole."})
    assert await steering_has_effect(engine.stream, FEATURES)
    last = engine.requests[-1]
    assert (last.prompt, last.vector) == (prompt, SteeringVector((large_dial(feature),)))


async def test_eight_greedy_tokens_of_one_lane_are_asked_for() -> None:
    engine = writing(ALONE)
    await steering_has_effect(engine.stream, FEATURES)
    for request in engine.requests:
        assert (request.sampling.temperature, request.sampling.max_tokens) == (0.0, 8)
        assert request.sampling.seed == engine.requests[0].sampling.seed
        assert (request.lanes, request.watched, request.chat) == ((Lane.STEERED,), (), False)


async def test_a_push_is_twice_the_residual_or_very_large_where_its_norm_is_not_known() -> None:
    assert large_dial(FEATURES[0]).dose == pytest.approx(DOSE)
    assert large_dial(Feature("a", "a", 10.0)) == Dial(Feature("a", "a", 10.0), 1000.0)


@pytest.mark.parametrize("text", ["", "  \n"])
async def test_a_model_that_ends_at_once_accuses_nobody(text: str) -> None:
    assert await steering_has_effect(writing(dict.fromkeys(ALONE, text)).stream, FEATURES)


async def test_one_prompt_on_which_something_is_written_is_enough_for_the_warning() -> None:
    assert not await steering_has_effect(writing({**ALONE, (PROMPTS[0], ""): ""}).stream, FEATURES)


async def test_a_text_that_only_a_push_ends_at_once_shows_an_effect() -> None:
    engine = writing({**ALONE, (PROMPTS[0], FEATURES[0].id): ""})
    assert await steering_has_effect(engine.stream, FEATURES)


async def test_a_text_that_was_rewritten_counts_as_it_ends() -> None:
    def script(request: GenerationRequest) -> Iterable[Step]:
        if request.vector.dials:
            return [token("c"), token("x", 1), RewindEvent(Lane.STEERED, 1), token("y", 1), done()]
        return [token("cy"), done()]

    assert not await steering_has_effect(ScriptedEngine(script).stream, FEATURES)


@pytest.mark.parametrize("error", [Unreachable("lost"), Unauthorized("no key")])
async def test_what_the_engine_raises_is_raised(error: Exception) -> None:
    engine = ScriptedEngine(lambda request: [token("a"), error])
    with pytest.raises(type(error)):
        await steering_has_effect(engine.stream, FEATURES)
    assert engine.open_streams == 0


async def test_an_error_that_comes_as_an_event_is_raised() -> None:
    engine = ScriptedEngine(lambda request: [ErrorEvent("no such layer", "rejected")])
    with pytest.raises(Exception, match="no such layer"):
        await steering_has_effect(engine.stream, FEATURES)
