"""Filling patterns: slots from topic, mood, cast and rules, then inflection and articles."""

import re
from functools import cache
from random import Random
from typing import TYPE_CHECKING

from steer_tui.engines.builtin.train.corpus.cast import Cast, Props
from steer_tui.engines.builtin.train.corpus.inflection import inflect, with_articles
from steer_tui.engines.builtin.train.corpus.lexicon import Genre, Lexicon, WordField, Words

if TYPE_CHECKING:
    from collections.abc import Callable

_SLOT = re.compile(r"<([\w.]+\??)>")
_VERB = re.compile(r"\[([^\[\]|]+)(?:\|(\w+))?\]")
_SENTENCE_START = re.compile(r'(?:\A|(?<=\n)|(?<=\. ))((?:\d\. |Q: |A: |Question: |Answer: )?"?)([a-z])')
_NOUNS = {
    "spot": "spots",
    "being": "beings",
    "thing": "things",
    "plural": "plurals",
    "stuff": "stuff",
    "where": "where",
}
_TOPIC = {
    "adjective": "adjectives", "doing": "doing", "doings": "doings", "saying": "doings", "happens": "happens",
    "senses": "senses", "line": "lines", "ask": "asks", "fact": "facts", "name_of": "name",
}  # fmt: skip
_MOOD = {
    "feeling": "feeling", "feelings": "feelings", "person": "person", "tone": "tone", "manner": "manner",
    "adverb": "adverb", "go": "go", "goes": "goes", "say": "say", "look": "look", "gesture": "gesture",
    "gestures": "gestures", "gesture.you": "gestures", "thought": "thought", "cry": "cry", "aside": "aside",
    "judge": "judge", "you": "you", "sky": "sky", "outlook": "outlook", "closing": "closing", "noun": "noun",
    "mood_ending": "ending",
}  # fmt: skip


_ALTERNATION = 0.85
"""How often the other of two topics fills the next slot, so that a text that has both keeps both."""
_RELATIVES = ("Grandmother", "Grandfather", "Mother", "Father", "Aunt Rosa", "Uncle Ben")
_FOODS = ("soup", "bread", "cake", "cheese", "honey", "chocolate", "ice cream", "pie")


@cache
def _parse(pattern: str) -> tuple[str, ...]:
    """Literal text and slot names in turn, a literal first."""
    return tuple(_SLOT.split(pattern))


def _lower_first(text: str) -> str:
    return text if text.startswith(("I ", "I'")) else text[0].lower() + text[1:]


class Grammar:
    """Writes the sentences of one document."""

    def __init__(self, lexicon: Lexicon, genre: Genre, topics: tuple[WordField, ...], mood: WordField, tense: str,
                 person: str, rng: Random) -> None:  # fmt: skip
        """A grammar for one document; the slots for topics are filled from `topics` in turn, mostly."""
        self._lexicon = lexicon
        self._genre = genre
        self._mood = mood
        self._rng = rng
        self._tense = tense
        self._person = person
        self._color = rng.choice(lexicon.common["color"]) if rng.random() < 0.3 else None
        self._topics = topics
        self._drawn: set[str] = set()
        self._props = {topic.label: Props.draw(topic, rng) for topic in topics}
        self._used: set[str] = set()
        self._mentions = 0
        self._definition = topics[0].definitions[0]
        self._instructions = topics[0].instructions[0]
        self._step = 0
        self.cast = Cast.draw(person, topics[0], lexicon, rng)
        self._special: dict[str, Callable[[], str]] = {
            "hero": self._hero,
            "hero_name": lambda: self.cast.full_name,
            "cap_name": self._named_hero,
            "hero_real_name": lambda: self.cast.name,
            "friend": self.cast.friend,
            "pair": lambda: self._pair(self.cast.friend()),
            "pair_being": lambda: self._pair(self.fill("the_being")),
            "friend_full": self.cast.friend,
            "friend_real_name": lambda: self.cast.addressee,
            "friend_relative": lambda: "your " + rng.choice(lexicon.common["his_relatives"]),
            "relative": lambda: rng.choice(_RELATIVES),
            "role": lambda: self.cast.role,
            "intro": lambda: self.cast.introduction(self._pick(self._mood.lists["person"])),
            "a_person_role": lambda: f"a {self._pick(self._mood.lists['person'])} {self.cast.role}",
            "a_person_friend": lambda: f"a {self._pick(self._mood.lists['person'])} friend",
            "hue": lambda: self._color or rng.choice(lexicon.common["color"]),
            "term": self._term,
            "a_term": lambda: self._term(article=True),
            "same_term": lambda: self._named_term(article=True),
            "meaning": lambda: self._definition[1],
            "goal": self._goal,
            "step": self._next_step,
            "step.lower": lambda: _lower_first(self._next_step()),
            "fact.lower": lambda: _lower_first(self._fresh(self._topic().lists["facts"])[:-1]),
            "thought.lower": lambda: _lower_first(self._fresh(self._mood.lists["thought"])),
            "why": self._why,
            "manner_any": lambda: self._pick([m for m in self._mood.lists["manner"] if "<" not in m]),
            "judge.plural": lambda: self._judge().replace("am ", "are ", 1),
            "judge.base": lambda: self._judge().replace("am ", "be ", 1),
            "food": lambda: rng.choice(_FOODS),
        }  # fmt: skip

    def sentence(self, rule: str) -> str:
        """A finished sentence (or line, or couplet) by a rule of the genre or of narration."""
        self._mentions = 0
        return self.finish(self._expand(self._pattern(rule)))

    def finish(self, text: str) -> str:
        """The text with verbs inflected, articles fitted and sentences capitalised."""
        own = {"first": "1", "you": "p"}.get(self._person, "3")
        text = _VERB.sub(lambda match: inflect(match[1], match[2] or own, self._tense), text)
        text = with_articles(text.replace("/", "\n"))
        return _SENTENCE_START.sub(lambda match: match[1] + match[2].upper(), text)

    def fill(self, slot: str) -> str:
        """What stands in a slot, its own slots filled."""
        if slot.endswith("?"):
            return self.fill(slot[:-1]) if self._rng.random() < 0.5 else ""
        if slot in self.cast.pronouns:
            return self.cast.pronouns[slot]
        if slot in self._special:
            return self._special[slot]()
        if slot in _NOUNS:
            return self._expand(self._noun(_NOUNS[slot]))
        if slot in _TOPIC:
            return self._expand(self._fresh(self._topic().lists[_TOPIC[slot]]))
        if slot in _MOOD:
            return self._expand(self._fresh(self._mood.lists[_MOOD[slot]]))
        if slot in self._genre.rules or slot in self._lexicon.narration:
            return self._expand(self._pattern(slot))
        return self._pick(self._lexicon.common[slot])

    def topics_drawn(self) -> set[str]:
        """The topics that slots were filled from since this was asked last."""
        drawn, self._drawn = self._drawn, set()
        return drawn

    @property
    def steps(self) -> Words:
        """The steps that lead to the goal that was named last."""
        return self._instructions.steps

    def _expand(self, pattern: str) -> str:
        parts = _parse(pattern)
        if len(parts) == 1:
            return pattern
        return "".join(self.fill(part) if index % 2 else part for index, part in enumerate(parts))

    def _pattern(self, rule: str) -> str:
        rules = self._genre.rules
        options: Words = ()
        for name in (rule, f"{rule}.{self._person}", f"{rule}.{self._person}.{self._tense}"):
            options += rules.get(name, ())
        return self._fresh(options or self._lexicon.narration[rule])

    def _pick(self, options: Words | list[str]) -> str:
        return options[int(self._rng.random() * len(options))]

    def _fresh(self, options: Words) -> str:
        """A choice that the document has not made yet, where a few draws find one."""
        choice = self._pick(options)
        for _ in range(3):
            if choice not in self._used:
                break
            choice = self._pick(options)
        self._used.add(choice)
        return choice

    def _noun(self, name: str) -> str:
        topic = self._topic()
        return self._pick(self._props[topic.label].nouns[name] if self._rng.random() < 0.55 else topic.lists[name])

    def _topic(self) -> WordField:
        topic = self._topics[0]
        self._drawn.add(topic.label)
        if self._rng.random() < _ALTERNATION:
            self._topics = (*self._topics[1:], topic)
        return topic

    def _hero(self) -> str:
        self._mentions += 1
        return self.cast.mention(self._rng, again=self._mentions > 1)

    def _pair(self, other: str) -> str:
        return f"{other} and I" if self._person == "first" else f"{self._hero()} and {other}"

    def _named_hero(self) -> str:
        self.cast.introduced = True
        return self.cast.full_name

    def _term(self, article: bool = False) -> str:
        self._definition = self._rng.choice(self._topic().definitions)
        return self._named_term(article)

    def _named_term(self, article: bool) -> str:
        term = self._definition[0]
        if term.startswith("-"):
            return term[1:]
        return f"a {term}" if article else term

    def _goal(self) -> str:
        self._instructions = self._rng.choice(self._topic().instructions)
        self._step = 0
        return self._instructions.goal

    def _next_step(self) -> str:
        step = self._instructions.steps[self._step % len(self._instructions.steps)]
        self._step += 1
        return step

    def _why(self) -> str:
        return self._fresh(self._topic().lists["why"] if self._rng.random() < 0.5 else self._mood.lists["why"])

    def _judge(self) -> str:
        return self._pick([judge for judge in self._mood.lists["judge"] if not judge.startswith("cannot")])
