from pathlib import Path

import numpy as np
import pytest
from engines.builtin.tiny import CONTEXT, MERGES, D, slow_forward

from steer_tui.engines.builtin.catalogue import read_card
from steer_tui.engines.builtin.transformer import Transformer
from steer_tui.engines.builtin.weights import read_model

IDS = [256, *np.random.default_rng(1).integers(0, 257 + MERGES, CONTEXT - 1).tolist()]
DELTA = np.random.default_rng(2).standard_normal(D).astype(np.float32) * 3


@pytest.fixture(scope="module")
def model(weights: Path) -> Transformer:
    card = read_card(weights)
    return Transformer(card, read_model(weights, card))


@pytest.mark.parametrize("delta", [None, DELTA], ids=["unsteered", "steered"])
def test_prefill_agrees_with_the_slow_reference(model: Transformer, weights: Path, delta: np.ndarray | None) -> None:
    logits, residuals = slow_forward(weights, IDS, delta)
    for length in (1, 2, 30, CONTEXT):
        sequence = model.sequence(delta)
        sequence.prefill(IDS[:length])
        np.testing.assert_allclose(sequence.logits, logits[length - 1], atol=1e-3)
        np.testing.assert_allclose(sequence.residual, residuals[length - 1], atol=1e-3)


@pytest.mark.parametrize("delta", [None, DELTA], ids=["unsteered", "steered"])
def test_steps_agree_with_the_slow_reference(model: Transformer, weights: Path, delta: np.ndarray | None) -> None:
    logits, residuals = slow_forward(weights, IDS, delta)
    sequence = model.sequence(delta)
    for position, token in enumerate(IDS):
        sequence.step(token)
        np.testing.assert_allclose(sequence.logits, logits[position], atol=1e-3)
        np.testing.assert_allclose(sequence.residual, residuals[position], atol=1e-3)
    assert sequence.length == CONTEXT


def test_prefill_in_parts_and_steps_continue_each_other(model: Transformer, weights: Path) -> None:
    logits, _ = slow_forward(weights, IDS[:50], DELTA)
    sequence = model.sequence(DELTA)
    sequence.prefill(IDS[:20])
    sequence.prefill(IDS[20:45])
    for token in IDS[45:50]:
        sequence.step(token)
    np.testing.assert_allclose(sequence.logits, logits[-1], atol=1e-3)


def test_the_delta_acts_from_the_first_position(model: Transformer) -> None:
    plain, steered = model.sequence(), model.sequence(DELTA)
    for sequence in (plain, steered):
        sequence.prefill(IDS[:1])
    np.testing.assert_allclose(steered.residual - plain.residual, DELTA, atol=1e-5)


def test_a_delta_of_zeros_is_no_delta_byte_for_byte(model: Transformer) -> None:
    plain, zeros = model.sequence(), model.sequence(np.zeros(D, np.float32))
    for sequence in (plain, zeros):
        sequence.prefill(IDS[:40])
        for token in IDS[40:60]:
            sequence.step(token)
    assert plain.logits.tobytes() == zeros.logits.tobytes()


def test_the_same_steps_give_the_same_bytes_wherever_their_memory_lies(model: Transformer) -> None:
    seen = set()
    ballast = []
    for size in range(12):
        ballast.append(np.empty(size * 7 + 1, np.uint8))
        sequence = model.sequence(DELTA)
        sequence.prefill(IDS[:37])
        for token in IDS[37:80]:
            sequence.step(token)
        seen.add(sequence.logits.tobytes())
    assert len(seen) == 1
