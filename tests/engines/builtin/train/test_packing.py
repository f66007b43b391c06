from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

import torch

from steer_tui.engines.builtin.train.bpe import END_OF_TEXT
from steer_tui.engines.builtin.train.packing import Tokenized, targets
from steer_tui.engines.builtin.train.pretraining import hinted, near_sighted_mask, noise_in, pushes_in

pytestmark = pytest.mark.train


def documents(lengths: list[int]) -> Tokenized:
    starts = np.concatenate(([0], np.cumsum(lengths)))
    return Tokenized((np.arange(starts[-1]) % 200).astype(np.uint16), starts)


def test_a_row_is_one_document_and_only_its_own_tokens_and_end_are_learned() -> None:
    rows = documents([3, 5]).batch(np.array([0, 1]), context=32)
    assert rows.tolist()[0][:5] == [END_OF_TEXT, 0, 1, 2, END_OF_TEXT]
    wanted: Any = targets(rows)
    assert wanted[0].tolist() == [0, 1, 2, END_OF_TEXT] + [-100] * (wanted.shape[1] - 4)
    assert wanted[1].tolist()[:6] == [3, 4, 5, 6, 7, END_OF_TEXT]


def test_of_a_document_longer_than_the_context_no_end_is_learned() -> None:
    rows = documents([40]).batch(np.array([0]), context=16)
    assert rows.shape == (1, 17)
    assert END_OF_TEXT not in targets(rows)


def test_every_document_comes_once_a_pass_and_no_batch_is_larger_than_asked() -> None:
    held = documents([1 + number % 50 for number in range(5_000)])
    batches = held.order(tokens=512, context=64, seed=3)
    assert sorted(np.concatenate(batches).tolist()) == list(range(5_000))
    assert all(len(batch) * (max(np.diff(held.starts)[batch]) + 1) <= 512 for batch in batches)
    again = held.order(tokens=512, context=64, seed=3)
    assert all((one == other).all() for one, other in zip(batches, again, strict=True))


def test_every_second_row_sees_near_tokens_the_first_one_and_names() -> None:
    tokens = torch.tensor([[9, 7, 1, 2, 3, 4], [9, 7, 1, 2, 3, 4]])
    mask = near_sighted_mask(tokens, sight=2, names=torch.tensor([7]))
    assert mask[0, 0].tolist() == torch.ones(6, 6).tril().bool().tolist()
    assert mask[1, 0, 5].tolist() == [True, True, False, False, True, True]


def test_noise_is_in_every_second_row_and_no_larger_than_asked() -> None:
    noise = noise_in(torch.zeros(4, 5, dtype=torch.long), 0.3, 8, torch.Generator().manual_seed(1))
    assert not noise[::2].any()
    assert 0 < noise[1::2].norm(dim=-1).max() <= 0.3


def test_hints_are_in_every_second_row_and_a_third_of_them_tell_what_a_document_is_not_about() -> None:
    hints = pushes_in(torch.zeros(2_000, 5, dtype=torch.long), 0.3, 8, torch.Generator().manual_seed(1)).hints
    assert not hints[::2].any()
    assert -0.15 <= float(hints.min()) < 0 < float(hints.max()) <= 0.3
    assert float((hints[1::2] < 0).float().mean()) == pytest.approx(1 / 3, abs=0.05)


def test_a_hint_points_from_the_batch_to_its_document_and_a_negative_one_away_from_the_row_before() -> None:
    residual = torch.tensor([[[3.0, 9.0], [5.0, 9.0], [99.0, 99.0]], [[0.0, 9.0]] * 3, [[-4.0, 9.0]] * 3])
    counted = torch.tensor([[True, True, False], [True] * 3, [True] * 3])
    hints = hinted(residual, counted, torch.tensor([0.3, -0.2, 0.1]))
    assert hints.shape == (3, 1, 2)
    torch.testing.assert_close(hints[:, 0], torch.tensor([[0.3, 0.0], [-0.2, 0.0], [-0.1, 0.0]]))
