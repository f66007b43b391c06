"""Documents of the corpus: a plan by genre, sentences by the grammar, labels on each of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from steer_tui.engines.builtin.train.corpus.grammar import Grammar
from steer_tui.engines.builtin.train.corpus.lexicon import Genre, WordField, load_lexicon

_GENRES = {
    "story": 0.44, "letter": 0.12, "opinion": 0.14, "weather": 0.07, "fact": 0.08, "howto": 0.06, "question": 0.05,
    "poem": 0.04,
}  # fmt: skip
_LONG = 0.06
"""The share of documents whose middle is three times as long, so that the model knows its whole context."""
_TWO_TOPICS = 0.5
"""The share of documents about two topics: where they are few, the stronger of two dials takes the whole text."""
_PLAN_ITEM = re.compile(r"(\w+)(?:\*(\d+)-(\d+))?")


@dataclass(frozen=True)
class Sentence:
    """A sentence's place in its document, in characters, and what it is about."""

    start: int
    end: int
    labels: frozenset[str]


@dataclass(frozen=True)
class Document:
    """A text with the labels of its sentences."""

    text: str
    sentences: tuple[Sentence, ...]
    topics: tuple[str, ...]
    mood: str
    genre: str


@dataclass(frozen=True)
class _Style:
    """How much a document talks, asks and exclaims."""

    talk: float
    ask: float
    exclaim: float


def _style(rng: Random) -> _Style:
    return _Style(
        talk=rng.choices((0.0, 0.15, 0.65), (4, 4, 2))[0],
        ask=0.4 if rng.random() < 0.1 else 0.0,
        exclaim=0.7 if rng.random() < 0.12 else 0.0,
    )


def write_document(seed: int, index: int) -> Document:
    """The document with this number in the corpus of this seed."""
    rng = Random(f"{seed}/{index}")
    lexicon = load_lexicon()
    genre = lexicon.genres[rng.choices(tuple(_GENRES), tuple(_GENRES.values()))[0]]
    topics = tuple(rng.sample(lexicon.topics, 2 if rng.random() < _TWO_TOPICS else 1))
    mood = rng.choice(lexicon.moods)
    person = rng.choice(genre.persons)
    if genre.label not in ("story", "letter", "opinion"):
        person = "you"
    tense = rng.choice(genre.tenses)
    grammar = Grammar(lexicon, genre, topics, mood, tense, person, rng)
    return _compose(grammar, genre, topics, mood, tense, person, rng)


def _compose(grammar: Grammar, genre: Genre, topics: tuple[WordField, ...], mood: WordField, tense: str,
             person: str, rng: Random) -> Document:  # fmt: skip
    text = ""
    sentences: list[Sentence] = []
    fixed = {mood.label, genre.label, f"{tense} tense", f"{person} person"}
    previous = ""
    names = tuple(topic.label for topic in topics)
    style = _style(rng)
    for rule, sentence in _sentences(grammar, genre, style, rng):
        if text and not (previous == "greeting" or rule == "closing"):
            text += genre.separator
        labels = fixed | (grammar.topics_drawn() or set(names)) | _marks(sentence)
        sentences.append(Sentence(len(text), len(text) + len(sentence), frozenset(labels)))
        text += sentence
        previous = rule
    return Document(text, tuple(sentences), names, mood.label, genre.label)


def _marks(sentence: str) -> set[str]:
    marks = {'"': "dialogue", "?": "question", "!": "exclamation"}
    return {label for mark, label in marks.items() if mark in sentence}


def _sentences(grammar: Grammar, genre: Genre, style: _Style, rng: Random) -> Iterator[tuple[str, str]]:
    narrates = genre.label in ("story", "letter")
    stretch = 3 if rng.random() < _LONG else 1
    questioner = rng.choice((("Q: ", "A: "), ("Q: ", "A: "), ("Question: ", "Answer: ")))
    for item in genre.plan:
        match = _PLAN_ITEM.fullmatch(item)
        assert match is not None
        rule = match[1]
        count = stretch * rng.randint(int(match[2]), int(match[3])) if match[2] else 1
        if rule == "steps":
            yield from _steps(grammar, rng)
            continue
        for _ in range(count):
            kind = rule
            if narrates and rule in ("middle", "second"):
                draw = rng.random()
                kind = "talk" if draw < style.talk else "ask_aloud" if draw < style.talk + style.ask else rule
            sentence = grammar.sentence(kind)
            if rule == "pair":
                question, answer = sentence.split("|")
                sentence = questioner[0] + question + "\n" + questioner[1] + answer[0].upper() + answer[1:]
            if sentence.endswith(".") and rng.random() < style.exclaim:
                sentence = sentence[:-1] + "!"
            yield rule, sentence


def _steps(grammar: Grammar, rng: Random) -> Iterator[tuple[str, str]]:
    steps = grammar.steps
    numbered = rng.random() < 0.6
    leads = {1: "First, ", len(steps): "Finally, "}
    for number, step in enumerate(steps, 1):
        lead = f"{number}. " if numbered else leads.get(number, "Then ")
        body = step if numbered else step[0].lower() + step[1:]
        how = grammar.fill("how") if rng.random() < 0.75 else ""
        yield "steps", grammar.finish(f"{lead}{body}{how}.")
