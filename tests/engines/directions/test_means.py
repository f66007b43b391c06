"""The difference of means of residuals that a test knows."""

import numpy as np
import pytest

from steer_tui.domain import Malformed, Rejected, SteerError
from steer_tui.engines.directions.means import MeanResidual, Position


class Words:
    """An engine whose residual for a word is its length, negated at layer 1; an empty text has one token."""

    async def capture(self, text, layers, *, chat):
        lengths = [100.0, *(float(len(word)) for word in text.split())]
        rows = np.array([[length, 1.0] for length in lengths], np.float32)
        return {layer: -rows if layer == 1 else rows for layer in layers}


async def difference(positive, negative, position=Position.LAST, engine=None):
    means = []
    for texts in (positive, negative):
        mean = MeanResidual(engine or Words(), (1, 0), position, chat=False)
        for text in texts:
            await mean.take(text)
        means.append(mean)
    return means[0].minus(means[1])


@pytest.mark.parametrize(("position", "expected"), [(Position.LAST, 3.5 - 1.0), (Position.MEAN, 3.0 - 1.5)])
async def test_it_leads_from_the_second_mean_to_the_first_at_each_layer(position, expected):
    made = await difference(["a bbb", "aa bbbb", "aaa bbb", "aaaa bbbb"], ["bb a"], position)
    assert [direction.layer for direction in made] == [0, 1]
    np.testing.assert_allclose([direction.values for direction in made], [[expected, 0], [-expected, 0]])


@pytest.mark.parametrize(
    ("positive", "negative", "position", "kind", "words"),
    [
        (["a"], ["b"], Position.LAST, Rejected, "the same to the model at layer 0"),
        ([""], ["bb"], Position.MEAN, Rejected, "'' is a single token"),
        (["a"], ["nan"], Position.LAST, Malformed, "is not finite"),
    ],
)
async def test_what_gives_no_direction_is_told(positive, negative, position, kind, words):
    class Failing(Words):
        async def capture(self, text, layers, *, chat):
            told = await super().capture(text, layers, chat=chat)
            return {layer: rows * np.nan for layer, rows in told.items()} if text == "nan" else told

    with pytest.raises(SteerError, match=words) as failed:
        await difference(positive, negative, position, Failing())
    assert isinstance(failed.value, kind)
