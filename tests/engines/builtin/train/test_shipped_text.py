"""What the shipped model writes when nothing steers it, measured anew; the model card has the figures in full."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from steer_tui.engines.builtin.engine import WEIGHTS
from steer_tui.engines.builtin.train.measure import Measurement
from steer_tui.engines.builtin.train.progress import Report
from steer_tui.engines.builtin.train.recipe import Recipe

pytestmark = pytest.mark.train


def test_it_keeps_to_grammar_protagonist_mood_and_topic() -> None:
    with Report() as report:
        figures = Measurement(WEIGHTS, Recipe(), report).text()
    assert figures.texts == 200
    assert figures.broken_sentences <= 0.02 * figures.sentences
    assert figures.heroes >= 100
    assert figures.heroes_kept >= 0.9 * figures.heroes
    assert figures.one_mood >= 0.75
    assert figures.two_topics >= 0.85
