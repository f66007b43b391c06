from pathlib import Path

import numpy as np
import pytest
from engines.builtin.tiny import CONTEXT, MERGES, D, slow_forward

from steer_tui.engines.builtin.catalogue import read_card
from steer_tui.engines.builtin.steering import Addition
from steer_tui.engines.builtin.transformer import Sequence, Transformer
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
        sequence = model.sequence(delta if delta is None else Addition(delta))
        sequence.prefill(IDS[:length])
        np.testing.assert_allclose(sequence.logits, logits[length - 1], atol=1e-3)
        np.testing.assert_allclose(sequence.residual, residuals[length - 1], atol=1e-3)


@pytest.mark.parametrize("delta", [None, DELTA], ids=["unsteered", "steered"])
def test_steps_agree_with_the_slow_reference(model: Transformer, weights: Path, delta: np.ndarray | None) -> None:
    logits, residuals = slow_forward(weights, IDS, delta)
    sequence = model.sequence(delta if delta is None else Addition(delta))
    for position, token in enumerate(IDS):
        sequence.step(token)
        np.testing.assert_allclose(sequence.logits, logits[position], atol=1e-3)
        np.testing.assert_allclose(sequence.residual, residuals[position], atol=1e-3)
    assert sequence.length == CONTEXT


def test_prefill_in_parts_and_steps_continue_each_other(model: Transformer, weights: Path) -> None:
    logits, _ = slow_forward(weights, IDS[:50], DELTA)
    sequence = model.sequence(Addition(DELTA))
    sequence.prefill(IDS[:20])
    sequence.prefill(IDS[20:45])
    for token in IDS[45:50]:
        sequence.step(token)
    np.testing.assert_allclose(sequence.logits, logits[-1], atol=1e-3)


def test_a_push_acts_from_the_first_position(model: Transformer) -> None:
    plain, steered = model.sequence(), model.sequence(Addition(DELTA))
    for sequence in (plain, steered):
        sequence.prefill(IDS[:1])
    np.testing.assert_allclose(steered.residual - plain.residual, DELTA, atol=1e-5)


def test_a_push_of_zeros_is_no_push_byte_for_byte(model: Transformer) -> None:
    plain, zeros = model.sequence(), model.sequence(Addition(np.zeros(D, np.float32)))
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
        sequence = model.sequence(Addition(DELTA))
        sequence.prefill(IDS[:37])
        for token in IDS[37:80]:
            sequence.step(token)
        seen.add(sequence.logits.tobytes())
    assert len(seen) == 1


def test_two_sequences_side_by_side_have_the_bytes_that_each_has_alone(model: Transformer) -> None:
    def bytes_of(sequences: list[tuple[Sequence, list[int]]]) -> list[list[bytes]]:
        seen: list[list[bytes]] = [[] for _ in sequences]
        for sequence, ids in sequences:
            sequence.prefill(ids[:20])
        for place in range(20, 50):
            for sequence, ids in sequences:
                sequence.step(ids[place])
            for number, (sequence, _) in enumerate(sequences):
                seen[number].append(sequence.logits.tobytes() + sequence.residual.tobytes())
        return seen

    first, second = (lambda: (model.sequence(Addition(DELTA)), IDS)), (lambda: (model.sequence(), IDS[::-1]))
    assert bytes_of([first(), second()]) == bytes_of([first()]) + bytes_of([second()])


def test_a_step_waits_for_one_other_sequence_and_no_longer(model: Transformer) -> None:
    many = [model.sequence(Addition(DELTA * number)) for number in range(5)]
    for token in IDS[:20]:
        for sequence in many:
            sequence.step(token)
    for number, sequence in enumerate(many):
        alone = model.sequence(Addition(DELTA * number))
        for token in IDS[:20]:
            alone.step(token)
        assert sequence.length == alone.length == 20
        assert sequence.logits.tobytes() == alone.logits.tobytes()


def test_a_step_that_nobody_looked_at_is_taken_back_with_the_rest(model: Transformer) -> None:
    sequence, straight = model.sequence(Addition(DELTA)), model.sequence(Addition(DELTA))
    for token in IDS[:12]:
        sequence.step(token)
    sequence.rewind(10)
    for token in IDS[20:22]:
        sequence.step(token)
    for token in [*IDS[:10], *IDS[20:22]]:
        straight.step(token)
    assert sequence.logits.tobytes() == straight.logits.tobytes()
