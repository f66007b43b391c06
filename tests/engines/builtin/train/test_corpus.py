import re
from itertools import islice

import pytest

from steer_tui.engines.builtin.train.corpus.documents import Document, write_document
from steer_tui.engines.builtin.train.corpus.inflection import inflect, with_articles
from steer_tui.engines.builtin.train.corpus.lexicon import load_lexicon

SAMPLE = 1500


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [write_document(3, index) for index in range(SAMPLE)]


def test_a_document_depends_on_seed_and_number_alone(documents: list[Document]) -> None:
    assert [write_document(3, index) for index in (0, 700, 12)] == [documents[0], documents[700], documents[12]]
    assert write_document(4, 0) != documents[0]


def test_documents_are_distinct(documents: list[Document]) -> None:
    assert len({document.text for document in documents}) == SAMPLE


def test_topics_moods_and_genres_are_all_there(documents: list[Document]) -> None:
    lexicon = load_lexicon()
    assert len(lexicon.topics) >= 27
    assert {"winter", "music", "space", "castle", "sea", "food"} <= {topic.label for topic in lexicon.topics}
    assert {document.mood for document in documents} == {mood.label for mood in lexicon.moods}
    assert {document.genre for document in documents} == set(lexicon.genres)
    assert {topic for document in documents for topic in document.topics} == {topic.label for topic in lexicon.topics}


def test_every_sentence_is_labelled(documents: list[Document]) -> None:
    for document in documents:
        covered = "".join(document.text[sentence.start : sentence.end] for sentence in document.sentences)
        assert re.sub(r"\s", "", covered) == re.sub(r"\s", "", document.text)
        for sentence in document.sentences:
            assert {document.mood, document.genre} <= sentence.labels
            assert sentence.labels & set(document.topics)
            assert ("dialogue" in sentence.labels) == ('"' in document.text[sentence.start : sentence.end])


def test_half_of_the_documents_weave_two_topics_to_their_end_and_none_has_more(documents: list[Document]) -> None:
    woven = [document for document in documents if len(document.topics) == 2]
    assert 0.45 < len(woven) / SAMPLE < 0.55
    assert all(1 <= len(document.topics) <= 2 for document in documents)
    within_one = [any(set(document.topics) <= sentence.labels for sentence in document.sentences) for document in woven]
    assert sum(within_one) > 0.4 * len(woven)
    endings = [document.sentences[len(document.sentences) // 2 :] for document in woven]
    told = [frozenset[str]().union(*(sentence.labels for sentence in ending)) for ending in endings]
    assert sum(set(document.topics) <= labels for document, labels in zip(woven, told, strict=True)) > 0.85 * len(woven)


def test_no_slot_or_verb_is_left_open(documents: list[Document]) -> None:
    for document in documents:
        assert not re.search(r"[<>\[\]|{}]", document.text), document.text


def test_the_article_fits_the_next_word(documents: list[Document]) -> None:
    for document in documents:
        assert not re.search(r"\b[Aa] (?!uni|use|usu|one|eu)[aeiou]", document.text), document.text
        assert not re.search(r"\b[Aa]n [^aeiouAEIOUXh]", document.text), document.text


def test_sentences_begin_with_a_capital(documents: list[Document]) -> None:
    for document in documents:
        assert not re.search(r"(?:\A|[.!?] )[a-z]", re.sub(r'"[^"]*"', "", document.text)), document.text


def test_pronouns_match_the_protagonist(documents: list[Document]) -> None:
    names = load_lexicon().common
    stories = (d for d in documents if d.genre == "story" and "third person" in d.sentences[0].labels)
    checked = 0
    for document in islice(stories, 200):
        # The only "he" or "she" is the protagonist: the friend is called by name, and is of the other gender.
        narrated = re.sub(r'"[^"]*"', "", document.text)
        spoken_of = set(re.findall(r"\b(he|she)\b", narrated.lower()))
        assert len(spoken_of) <= 1, document.text
        hers = sum(name in narrated.split() for name in names["her_names"])
        his = sum(name in narrated.split() for name in names["his_names"])
        assert hers <= 1 and his <= 1, document.text
        checked += bool(spoken_of)
    assert checked > 100


@pytest.mark.parametrize(
    ("phrase", "form", "tense", "expected"),
    [
        ("be happy", "3", "past", "was happy"),
        ("be happy", "p", "past", "were happy"),
        ("be happy", "1", "present", "am happy"),
        ("cry out", "3", "present", "cries out"),
        ("hum a tune", "1", "past", "hummed a tune"),
        ("throw a ball", "past", "present", "threw a ball"),
        ("go", "3", "present", "goes"),
    ],
)
def test_verbs(phrase: str, form: str, tense: str, expected: str) -> None:
    assert inflect(phrase, form, tense) == expected


def test_articles() -> None:
    assert with_articles("a owl, a unicorn, A icy one-eyed a old x") == "an owl, a unicorn, An icy one-eyed an old x"
