import pytest

from steer_tui.engines.builtin.train.corpus.documents import write_document
from steer_tui.engines.builtin.train.prose import Checks, sentences


@pytest.fixture(scope="module")
def checks() -> Checks:
    return Checks(write_document(0, number) for number in range(5_000))


def test_the_corpus_breaks_hardly_a_rule(checks: Checks) -> None:
    documents = [write_document(0, 10_000 + number) for number in range(600)]
    broken = sum(1 for document in documents for _ in checks.broken("", document.text))
    assert broken <= 0.005 * sum(len(sentences(document.text)) for document in documents)


def test_each_rule_finds_what_it_is_for(checks: Checks) -> None:
    def rules_broken(opening: str, written: str) -> list[str]:
        return [rule for rule, _ in checks.broken(opening, written)]

    story = "Once upon a time there was a girl named Mia who"
    assert rules_broken(story, " lived near the sea. She looked at the waves.") == []
    assert rules_broken(story, " lived near the sea. She looked at the seagflies.") == ["spelling"]
    assert rules_broken(story, " lived near the sea. She found an wave.") == ["article"]
    assert rules_broken(story, " lived near the sea. She were happy.") == ["agreement"]
    assert rules_broken(story, " lived near the sea. He was happy.") == ["pronoun"]
    assert rules_broken(story, " lived near the sea. Went home.") == ["subject"]
    assert rules_broken(story, " lived near the sea. Soon found a wave.") == ["subject"]


def test_a_protagonist_is_kept_or_lost(checks: Checks) -> None:
    story = "Once upon a time there was a girl named Mia who"
    assert checks.keeps_hero(story, ' lived near the sea. "Hello, Lily!" said her brother Tom. Mia smiled.')
    assert checks.keeps_hero(story, " lived near the sea. Lily smiled.") is False
    assert checks.keeps_hero("The weather today", " is cold.") is None


def test_a_sentence_that_the_text_breaks_off_in_does_not_count() -> None:
    assert sentences('It rained. "Oh no!" said Tom. And th') == ["It rained.", '"Oh no!"', "said Tom."]
