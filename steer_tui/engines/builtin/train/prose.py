"""The grammar's own checks, for text that anything wrote: each rule names the sentences that break it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from steer_tui.engines.builtin.train.corpus.documents import Document
from steer_tui.engines.builtin.train.corpus.inflection import PAST, past, third_singular, with_articles
from steer_tui.engines.builtin.train.corpus.lexicon import Lexicon, load_lexicon

_WORD = re.compile(r"[A-Za-z]+")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*\"?")
_QUOTED = re.compile(r'"[^"]*"?')
_BRACKETED = re.compile(r"\[([a-z]+)")
_ARTICLE = re.compile(r"\b([Aa])n (?=[A-Za-z])")
_TWICE = re.compile(r"\b(?:an?|the) (?:an?|the)\b", re.IGNORECASE)
_PRONOUNS = {"her": ("she", "her", "hers", "herself"), "his": ("he", "him", "his", "himself")}
_FIRST = re.compile(r"\b(?:I|me|my|myself)\b")
_CLAUSE = r"(?:^|, (?:and |but )?|\bbecause |\bthat |\buntil |\bwhile )"
_FINITE = ("be", "have", "do")
RULES = ("spelling", "article", "agreement", "pronoun", "subject")


def sentences(text: str) -> list[str]:
    """The sentences of a text; one that the text breaks off in is left out."""
    found = [match[0].strip() for match in _SENTENCE.finditer(text)]
    return [sentence for sentence in found if sentence and sentence.rstrip('"')[-1:] in (".", "!", "?")]


@dataclass(frozen=True)
class Hero:
    """Who a text is about, as far as its first words tell."""

    name: str | None
    gender: str | None
    """her, his, or None for somebody who speaks for themselves."""


class Checks:
    """What the corpus never does, found in other texts."""

    def __init__(self, documents: Iterable[Document]) -> None:
        """The words and the beginnings of sentences that are right are those of these documents."""
        self._words: set[str] = set()
        self._beginnings: set[str] = set()
        for document in documents:
            self._words.update(_WORD.findall(document.text.lower()))
            for sentence in sentences(document.text):
                self._beginnings.update(_WORD.findall(sentence)[:1])
        self._lexicon = load_lexicon()

    def broken(self, opening: str, written: str) -> Iterator[tuple[str, str]]:
        """Each rule and the sentence that breaks it, over what was written after an opening."""
        hero = self.hero(opening + written)
        own = set(_WORD.findall(opening.lower()))
        for place, sentence in enumerate(sentences(opening + written)):
            if place == 0 and len(sentence) <= len(opening):
                continue
            for rule in RULES:
                if self._breaks(rule, sentence, hero, own):
                    yield rule, sentence

    def hero(self, text: str) -> Hero:
        """The protagonist: the first name, and the gender that the first gendered word tells."""
        told = _QUOTED.sub(" ", text)
        if _FIRST.search(told) or told.startswith(("Dear", "My dear", "Hello")):
            return Hero(None, None)
        gender = name = None
        for word in _WORD.findall(told):
            gender = gender or self._genders.get(word) or self._genders.get(word.lower())
            if word in self._names and self._names[word] == gender:
                name = word
                break
        return Hero(name, gender)

    def keeps_hero(self, opening: str, written: str) -> bool | None:
        """Whether the protagonist of the beginning is still the one at the end; None where there is none to keep.

        The friend of a story is of the other gender, so the last name of the protagonist's gender must be theirs, and
        nobody else may have begun to tell.
        """
        hero = self.hero(opening + written)
        if hero.gender is None:
            return None
        told = _QUOTED.sub(" ", opening + written)
        names = [word for word in _WORD.findall(told) if self._names.get(word) == hero.gender]
        if hero.name is not None:
            return bool(names[-1] == hero.name)
        other = _PRONOUNS["his" if hero.gender == "her" else "her"]
        return not names and not any(word in other for word in _WORD.findall(told.lower())[-20:])

    def _breaks(self, rule: str, sentence: str, hero: Hero, own: set[str]) -> bool:
        told = _QUOTED.sub(" ", sentence)
        match rule:
            case "spelling":
                return any(word not in self._words and word not in own for word in _WORD.findall(sentence.lower()))
            case "article":
                return bool(_TWICE.search(sentence)) or with_articles(_ARTICLE.sub(r"\1 ", sentence)) != sentence
            case "agreement":
                return not told.endswith("?") and any(pattern.search(told) for pattern in self._disagreements)
            case "pronoun":
                other = _PRONOUNS["his" if hero.gender == "her" else "her"] if hero.gender else ()
                return any(word in other for word in _WORD.findall(told.lower()))
            case _:
                return self._has_no_subject(sentence)

    def _has_no_subject(self, sentence: str) -> bool:
        # What follows a question or a cry in quotes goes on in lower case: "Is it far?" asked Tom.
        if not sentence[0].isupper():
            return False
        for lead in self._lexicon.common["lead"]:
            sentence = sentence.removeprefix(lead)
        found = _WORD.findall(sentence)
        if not found:
            return False
        first = found[0]
        if first.lower() in self._finite:
            return "?" not in sentence
        return first.lower() in self._inflected and first[0].upper() + first[1:] not in self._beginnings

    @cached_property
    def _names(self) -> dict[str, str]:
        common = self._lexicon.common
        return {name: gender for gender in ("her", "his") for name in common[f"{gender}_names"]}

    @cached_property
    def _genders(self) -> dict[str, str]:
        common = self._lexicon.common
        roles = {role.split()[-1]: gender for gender in ("her", "his") for role in common[f"{gender}_roles"]}
        pronouns = {word: gender for gender, words in _PRONOUNS.items() for word in words}
        return self._names | roles | pronouns

    @cached_property
    def _verbs(self) -> frozenset[str]:
        return frozenset(_verbs(self._lexicon)) | PAST.keys()

    @cached_property
    def _finite(self) -> frozenset[str]:
        forms = {form(verb) for verb in _FINITE for form in (past, third_singular)}
        return frozenset(forms | {"are", "were"})

    @cached_property
    def _inflected(self) -> frozenset[str]:
        return frozenset(form(verb) for verb in self._verbs for form in (past, third_singular)) - self._verbs

    @cached_property
    def _disagreements(self) -> tuple[re.Pattern[str], ...]:
        names = "|".join(self._names)
        unlike = self._verbs - {verb for verb in self._verbs if past(verb) == verb} - {"be", "can", "lay"}
        bases = "|".join(sorted(unlike))
        thirds = "|".join(sorted({third_singular(verb) for verb in self._verbs} - self._verbs - {"can"}))
        lists = [topic.lists for topic in self._lexicon.topics]
        many = {noun for words in lists for noun in words["plurals"]}
        one = {noun for words in lists for name in ("beings", "things") for noun in words[name]}
        plurals, singulars = _alternatives(many - one), _alternatives(one - many)
        return (
            re.compile(rf"\b(?<!and )(?:[Hh]e|[Ss]he|{names}) (?:are|am|were|have|do)\b"),
            re.compile(r"(?<!\b[Ii]f )\bI (?:is|are|were|has|does)\b|\b(?:they|we|They|We) (?:is|am|was|has|does)\b"),
            re.compile(rf"{_CLAUSE}(?:[Hh]e|[Ss]he|{names}) (?:\w+ly )?(?:{bases})\b"),
            re.compile(rf"{_CLAUSE}(?:I|they|we|They|We) (?:\w+ly )?(?:{thirds})\b"),
            re.compile(rf"^(?:The|Most|Many|All) (?:{plurals}) (?:is|was|has|does)\b"),
            re.compile(rf"^(?:The|A|An) (?:{singulars}) (?:are|were|have|do)\b"),
        )


def _alternatives(phrases: Iterable[str]) -> str:
    return "|".join(sorted({re.escape(phrase) for phrase in phrases}, key=len, reverse=True))


def _verbs(lexicon: Lexicon) -> Iterator[str]:
    """The first words of everything that is inflected."""
    for rules in (lexicon.narration, *(genre.rules for genre in lexicon.genres.values())):
        for patterns in rules.values():
            for pattern in patterns:
                yield from _BRACKETED.findall(pattern)
    for field in (*lexicon.topics, *lexicon.moods):
        for name in ("doings", "goes", "gestures", "say", "look"):
            for phrase in field.lists.get(name, ()):
                yield phrase.split()[0]
