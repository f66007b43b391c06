"""How the sentences that show a concept are set apart from the others."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

import torch

from steer_tui.engines.builtin.train.differences import sparse, whitened

pytestmark = pytest.mark.train

SHOWN = torch.arange(400) % 2 == 0


def spread(*scales: float) -> torch.Tensor:
    return torch.randn(400, len(scales), generator=torch.Generator().manual_seed(3)) * torch.tensor(scales)


def test_a_whitened_difference_keeps_to_what_tells_a_concept_and_leaves_what_varies_anyway() -> None:
    residuals = spread(1, 30)
    residuals[SHOWN] += 4
    difference = residuals[SHOWN].mean(0) - residuals[~SHOWN].mean(0)
    telling, varying = whitened(difference, residuals) / difference
    assert telling > 2 * varying > 0


def test_a_sparse_difference_has_the_few_features_that_tell_most_and_each_by_how_much_it_differs() -> None:
    activations = spread(1, 1, 1, 1, 9, 1)
    activations[SHOWN] += torch.tensor([3.0, 4.0, 0.0, 5.0, 3.0, 2.0])
    difference = sparse(activations, SHOWN, ~SHOWN)
    assert difference.nonzero().flatten().tolist() == [0, 1, 3, 5]
    torch.testing.assert_close(difference[[0, 1, 3, 5]], torch.tensor([3.0, 4.0, 5.0, 2.0]), atol=0.4, rtol=0)
