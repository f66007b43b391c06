"""The concepts that features are looked for, and how strongly a text shows one."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from steer_tui.domain import Telltale
from steer_tui.engines.builtin.train.corpus.documents import Document
from steer_tui.engines.builtin.train.corpus.lexicon import load_lexicon

_WORD = re.compile(r"[A-Za-z]+")
_LEAST_COUNT = 8
_EXCLUSIVE = 0.8
_MARKS = {"dialogue": ('"', 1), "question": ("?", 1), "exclamation": ("!", 2), "letter": ("Dear ", 1)}
# The label in the corpus of concepts that are offered under another name, and the genres they are compared within.
_CORPUS_LABELS = {"how-to": "howto", "facts": "fact"}
_NARRATION = ("story", "letter")
_STYLES = ("dialogue", "question", "exclamation", "letter", "poem", "how-to", "facts", "weather", "opinion")
_NARRATED = ("past tense", "present tense", "first person", "third person")


@dataclass(frozen=True)
class Concept:
    """Something a text can show."""

    label: str
    kind: str
    """topic, mood or style."""
    corpus_label: str
    within: tuple[str, ...] = ()
    """The genres that it is compared within, or none for all."""


def concepts() -> list[Concept]:
    """All concepts: topics, then moods, then styles."""
    lexicon = load_lexicon()
    fields = {"topic": lexicon.topics, "mood": lexicon.moods}
    made = [Concept(field.label, kind, field.label) for kind, group in fields.items() for field in group]
    made += [Concept(label, "style", _CORPUS_LABELS.get(label, label)) for label in _STYLES]
    return made + [Concept(label, "style", label, _NARRATION) for label in _NARRATED]


class Signatures:
    """Words that belong to one concept alone, as the corpus uses them."""

    def __init__(self, documents: Iterable[Document]) -> None:
        """Counts the words of labelled sentences."""
        totals: Counter[str] = Counter()
        by_label: dict[str, Counter[str]] = {}
        narrated: Counter[str] = Counter()
        for document in documents:
            for sentence in document.sentences:
                words = _WORD.findall(document.text[sentence.start : sentence.end].lower())
                totals.update(words)
                if document.genre in _NARRATION:
                    narrated.update(words)
                for label in sentence.labels:
                    if label.endswith(("tense", "person")) and document.genre not in _NARRATION:
                        continue
                    by_label.setdefault(label, Counter()).update(words)
        self._words: dict[str, frozenset[str]] = {}
        for concept in concepts():
            base = narrated if concept.within else totals
            counts = by_label.get(concept.corpus_label, Counter())
            self._words[concept.label] = frozenset(
                word for word, count in counts.items() if count >= _LEAST_COUNT and count >= _EXCLUSIVE * base[word]
            )

    def words(self, label: str) -> frozenset[str]:
        """The lower-case words that belong to this concept alone."""
        return self._words[label]

    def telltale(self, label: str) -> Telltale:
        """How a text shows the concept: by its mark, or by its words."""
        if label in _MARKS:
            mark, least = _MARKS[label]
            return Telltale(mark=mark, least=least)
        return Telltale(self._words[label])
