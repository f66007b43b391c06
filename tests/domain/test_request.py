"""What may be asked of an engine, and the sentence for what may not."""

import math
from typing import Any

import pytest

from steer_tui.domain import (
    BOTH_LANES,
    SEED_MAX,
    Dial,
    Feature,
    GenerationRequest,
    InvalidValue,
    Lane,
    Sampling,
    SteeringVector,
)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"temperature": -0.1}, r"The temperature must be 0 or more; it is -0\.1\."),
        ({"temperature": math.nan}, r"The temperature must be 0 or more; it is nan\."),
        ({"temperature": math.inf}, r"The temperature must be 0 or more; it is inf\."),
        ({"max_tokens": 0}, r"The number of tokens must be 1 or more; it is 0\."),
        ({"max_tokens": -5}, r"The number of tokens must be 1 or more; it is -5\."),
        ({"seed": -1}, rf"The seed must lie between 0 and {SEED_MAX}; it is -1\."),
        ({"seed": SEED_MAX + 1}, rf"The seed must lie between 0 and {SEED_MAX}; it is {SEED_MAX + 1}\."),
        ({"stop": ("\n", "")}, r"A stop text must not be empty\."),
    ],
)
def test_sampling_that_cannot_be_is_refused_in_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidValue, match=f"^{sentence}$"):
        Sampling(**wrong)


@pytest.mark.parametrize(
    "right", [{"temperature": 0.0}, {"max_tokens": 1}, {"seed": 0}, {"seed": SEED_MAX}, {"stop": ("\n\n", " ")}]
)
def test_sampling_at_its_limits_is_taken(right: dict[str, Any]) -> None:
    Sampling(**right)


@pytest.mark.parametrize("prompt", ["", " ", "\n\t "])
def test_an_empty_prompt_is_refused(prompt: str) -> None:
    with pytest.raises(InvalidValue, match=r"^The prompt is empty: type something first\.$"):
        GenerationRequest(prompt)


@pytest.mark.parametrize("lanes", [(), (Lane.STEERED, Lane.STEERED), (Lane.STEERED, Lane.DEFAULT, Lane.STEERED)])
def test_a_request_names_each_lane_once(lanes: tuple[Lane, ...]) -> None:
    with pytest.raises(InvalidValue, match=r"^A request names one lane or both, each once\.$"):
        GenerationRequest("Once", lanes=lanes)


def test_a_prompt_is_kept_as_it_was_typed() -> None:
    assert GenerationRequest(" Once\n").prompt == " Once\n"


def test_no_dial_acts_on_the_default_lane() -> None:
    vector = SteeringVector((Dial(Feature("f", "f", 1.0), 4.0),))
    request = GenerationRequest("Once", vector=vector)
    assert request.lanes == BOTH_LANES
    assert request.vector_of(Lane.STEERED) == vector
    assert request.vector_of(Lane.DEFAULT) == SteeringVector()


def test_raw_completion_is_the_default() -> None:
    assert not GenerationRequest("Once").chat
